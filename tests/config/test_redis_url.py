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


@pytest.mark.parametrize("url", ["redis://h?db=3", "redis://h/1?db=3", "rediss://h/0?ssl_cert_reqs=none&db=3"])
def test_the_number_of_a_database_stands_after_the_host(url: str) -> None:
    with pytest.raises(ConfigurationError, match="as in /0"):
        check_redis_url("SYNC_REDIS_URL", url)
