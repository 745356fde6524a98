"""The URL of a Redis: one server, a socket, or sentinels; what makes no sense is one line that shows nothing of it."""

import pytest

from sync_tasks.config.redis_url import Sentinels, check_redis_url, has_sentinels, is_redis, place_of, read_sentinels
from sync_tasks.errors import ConfigurationError

THREE = "sentinel://user:Marked%2FSecret@one:26379,two,[::1]:26380/main/3"


def fields(reported: Sentinels) -> dict[str, object]:
    return {name: getattr(reported, name) for name in Sentinels.__slots__}


def test_sentinels_stand_in_one_url_with_the_name_of_the_primary_and_the_database() -> None:
    assert fields(read_sentinels(THREE)) == {
        "hosts": (("one", 26379), ("two", 26379), ("::1", 26380)),
        "name": "main",
        "database": 3,
        "username": "user",
        "password": "Marked/Secret",
        "tls": False,
        "own_username": "",
        "own_password": "",
        "options": {},
    }


def test_sentinels_may_have_a_login_of_their_own_and_tls() -> None:
    reported = read_sentinels(
        "rediss+sentinel://:pw@one/main?sentinel_username=s&sentinel_password=p&ssl_ca_certs=/ca.pem"
    )
    assert (reported.tls, reported.username, reported.password, reported.database) == (True, "", "pw", 0)
    assert (reported.own_username, reported.own_password, reported.options) == ("s", "p", {"ssl_ca_certs": "/ca.pem"})


def test_both_ways_to_write_a_sentinel_mean_the_same() -> None:
    assert fields(read_sentinels(f"redis+{THREE}")) == fields(read_sentinels(THREE))


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://one,two",
        "sentinel://one,two/",
        "sentinel://one:26379;sentinel://two:26379/0",
        "sentinel://one,,two/main",
        "sentinel://one:port/main",
        "sentinel://one/main/zero",
        "sentinel://user:Marked/Secret@one/main/0",
        "sentinel://one/main#0",
        "redis://one:1,two:2/0",
    ],
)
def test_what_is_no_list_of_sentinels_is_refused_with_the_right_shape(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^SYNC_REDIS_URL: .*/mymaster/0") as caught:
        check_redis_url("SYNC_REDIS_URL", url)
    assert "Marked" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "redis", "sentinels"),
    [
        ("redis://h", True, False),
        ("rediss://h", True, False),
        ("unix:///run/redis.sock", True, False),
        (THREE, True, True),
        (f"redis+{THREE}", True, True),
        ("amqp://h", False, False),
    ],
)
def test_a_redis_is_known_by_its_scheme(url: str, *, redis: bool, sentinels: bool) -> None:
    assert (is_redis(url), has_sentinels(url)) == (redis, sentinels)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (THREE, "main/3 by the sentinels one:26379,two:26379,::1:26380"),
        ("unix://:Marked@/run/redis.sock?db=2", "/run/redis.sock"),
        ("redis://:Marked@h:1/2", "h:1/2"),
        ("redis://", "localhost:6379"),
    ],
)
def test_a_place_shows_no_password(url: str, place: str) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "redis://h?db=3",
        "redis://h/1?db=3",
        "rediss://h/0?ssl_cert_reqs=none&db=3",
        "redis://h/main",
        "redis://h/-1",
        "redis://h/0/1",
        "redis://h/0/",
    ],
)
def test_the_number_of_a_database_stands_after_the_host(url: str) -> None:
    with pytest.raises(ConfigurationError, match="as in /0"):
        check_redis_url("SYNC_REDIS_URL", url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h/0?password=Marked",
        "redis://h/0?username=Marked",
        "redis://h/0?host=Marked",
        "redis://h/0?retry=Marked",
        "redis://h/0?encoding=Marked",
        "redis://h/0?decode_responses=",
        "redis://h/0?ssl_ca_certs=/ca.pem",
        "redis://h/0?protocol=9",
        "redis://h/0?socket_timeout=0.0",
        "redis://h/0?socket_timeout=-1",
        "redis://h/0?socket_timeout=nan",
        "redis://h/0?socket_timeout=1&socket_timeout=2",
        "redis://h/0?Marked",
        "unix:///run/redis.sock?password=Marked",
        "unix:///run/redis.sock?path=/run/other.sock",
        "unix:///run/redis.sock?db=one",
        "unix:///run/redis.sock?db=-1",
        "unix:///run/redis.sock?db=1&db=2",
        "unix:///run/redis.sock?socket_keepalive=yes",
        "sentinel://one/main/0?db=3",
        "sentinel://one/main/0?ssl_ca_certs=/ca.pem",
        "sentinel://one/main/0?socket_timeout=",
    ],
)
def test_what_is_no_setting_of_a_connection_is_refused_with_those_that_are(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^SYNC_REDIS_URL: after its \? .*socket_timeout") as caught:
        check_redis_url("SYNC_REDIS_URL", url)
    assert "Marked" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h/0?socket_timeout=2.5&socket_connect_timeout=10&timeout=0.5&client_name=portal",
        "redis://h?health_check_interval=0&max_connections=20&protocol=3&socket_keepalive=no",
        "rediss://h/0?ssl_ca_certs=/ca.pem&ssl_cert_reqs=none&ssl_check_hostname=false",
        "unix:///run/redis.sock?db=3&socket_timeout=5",
        "rediss+sentinel://one/main?sentinel_password=pw&ssl_ca_certs=/ca.pem&socket_timeout=5",
    ],
)
def test_settings_of_a_connection_stand_after_the_question_mark(url: str) -> None:
    check_redis_url("SYNC_REDIS_URL", url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://a..b:6379/0",
        f"redis://{'a' * 64}.org/0",
        "redis://bücher..org/0",
        "redis://a%2E%2Eb/0",
        "redis://h:0/0",
        "sentinel://a..b/main/0",
        f"sentinel://one,{'a' * 64}/main/0",
        "sentinel://one:0/main/0",
        "sentinel://one:65536/main/0",
    ],
)
def test_a_host_or_a_port_that_nobody_can_have_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^SYNC_REDIS_URL: no server has that host or that port"):
        check_redis_url("SYNC_REDIS_URL", url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h/0#Marked",
        "redis://:Mar#ked@h/0",
        "redis://:Mar?ked@h/0",
        "redis://user/Marked@h/0",
        "unix:///run/redis.sock#Marked",
        "unix:///run/Marked@redis.sock",
        "unix:///run/redis.sock?client_name=Marked@h",
    ],
)
def test_a_sign_that_ends_the_host_is_escaped_in_a_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"SYNC_REDIS_URL: .*%2F") as caught:
        check_redis_url("SYNC_REDIS_URL", url)
    assert "Mar" not in str(caught.value)


@pytest.mark.parametrize("url", ["unix://", "unix://run/redis.sock", "unix://run", "unix:///", "unix://:pw@"])
def test_the_path_of_a_socket_is_a_whole_one(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^SYNC_REDIS_URL: .* unix:///run/redis.sock"):
        check_redis_url("SYNC_REDIS_URL", url)


@pytest.mark.parametrize("url", ["REDIS://h/0", "Unix:///run/redis.sock"])
def test_a_scheme_is_written_small(url: str) -> None:
    with pytest.raises(ConfigurationError, match="it begins with redis://"):
        check_redis_url("SYNC_REDIS_URL", url)


@pytest.mark.parametrize("url", ["redis://bücher.example/0", "redis://[::1]:6379/0", "redis:///0", "redis://h.:1"])
def test_a_host_of_any_kind_is_taken(url: str) -> None:
    check_redis_url("SYNC_REDIS_URL", url)


@pytest.mark.parametrize("odd", ["\n", "\x00", "\t", " ", "\u2028", "\x7f"])
@pytest.mark.parametrize("scheme", ["redis", "sentinel"])
def test_an_odd_character_is_refused_as_such(scheme: str, odd: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^X: holds white space, a line break or an odd character$"):
        check_redis_url("X", f"{scheme}://:pw{odd}@host/0")


def test_what_is_not_said_of_sentinels_is_the_usual() -> None:
    plain = fields(Sentinels((("h", 1),), "main"))
    usual = {"database": 0, "username": "", "password": "", "tls": False, "own_username": "", "own_password": ""}
    assert plain == {"hosts": (("h", 1),), "name": "main", "options": {}, **usual}
