"""A broker in kombu's words: one URL of ours becomes what kombu wants in pieces."""

import ssl
from typing import Any

import pytest
from kombu import Connection

from sync_tasks.config.broker import Broker, read_broker, transport_for
from sync_tasks.errors import ConfigurationError
from sync_tasks.tasks.app import app
from sync_tasks.tasks.patches import transport


def pieces(broker: Broker) -> tuple[str, Any, dict[str, Any]]:
    return broker.url, broker.use_ssl, broker.options


def test_what_is_no_redis_and_a_plain_one_stay_as_they_are() -> None:
    for url in ("redis://:pw@h:1/2", "amqp://one;amqp://two"):
        assert pieces(read_broker(url)) == (url, None, {})


def test_the_settings_of_a_connection_are_not_for_kombu() -> None:
    broker = read_broker("redis://:pw@h:1/2?socket_timeout=5;redis://g/2?socket_timeout=5")
    assert pieces(broker) == ("redis://:pw@h:1/2;redis://g/2", None, {})


def test_each_sentinel_is_a_url_and_the_name_an_option() -> None:
    url, use_ssl, options = pieces(read_broker("sentinel://u:p%2Fw@one,[::1]:5/main/3"))
    assert url == "sentinel://u:p%2Fw@one:26379/3;sentinel://u:p%2Fw@[::1]:5/3"
    assert (use_ssl, options["master_name"]) == (None, "main")
    assert "password" not in options["sentinel_kwargs"]


def test_the_login_of_the_sentinels_is_theirs_alone() -> None:
    url, _, options = pieces(read_broker("sentinel://one/main?sentinel_username=s&sentinel_password=pw"))
    assert url == "sentinel://one:26379/0"
    assert {name: options["sentinel_kwargs"][name] for name in ("username", "password")} == {
        "username": "s",
        "password": "pw",
    }


@pytest.mark.parametrize(
    "url", ["rediss://h:1/2?ssl_ca_certs=/ca.pem", "rediss+sentinel://h/main/2?ssl_ca_certs=/ca.pem"]
)
def test_tls_asks_for_a_certificate_and_takes_the_ca_of_the_url(url: str) -> None:
    broker = read_broker(url)
    assert broker.use_ssl == {"ssl_ca_certs": "/ca.pem", "ssl_cert_reqs": ssl.CERT_REQUIRED}
    assert "?" not in broker.url


def test_an_unknown_option_of_tls_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ssl_cert_reqs is required, optional or none"):
        read_broker("rediss://h?ssl_cert_reqs=maybe")
    assert (read_broker("rediss://h?ssl_cert_reqs=none").use_ssl or {})["ssl_cert_reqs"] is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://h", transport.Transport),
        ("rediss://h", transport.Transport),
        ("unix:///run/redis.sock?db=3", transport.Transport),
        ("sentinel://one,two/main", transport.SentinelTransport),
    ],
)
def test_whatever_leads_to_a_redis_goes_over_our_transport(url: str, kind: type) -> None:
    with app.connection_for_write(read_broker(url).url) as connection:
        assert type(connection.transport) is kind
        assert type(connection.clone().transport) is kind


def test_what_is_no_redis_goes_over_kombus_own() -> None:
    assert transport_for("amqp://h") == ("amqp://h", None)


def test_a_socket_keeps_its_password_and_database() -> None:
    url, reported = transport_for(read_broker("unix://:p%2Fw@/run/Redis.sock?db=3").url)
    with Connection(url, transport=reported) as connection:
        kind: Any = transport.Transport.Channel
        channel = kind.__new__(kind)
        channel.connection = connection.transport
        params = channel._connparams()
    assert {name: params[name] for name in ("path", "db", "password")} == {
        "path": "/run/Redis.sock",
        "db": 3,
        "password": "p/w",
    }


@pytest.mark.parametrize(("url", "tls"), [("sentinel://h/main", False), ("rediss+sentinel://h/main", True)])
def test_sentinels_are_asked_over_tls_if_the_primary_is(url: str, *, tls: bool) -> None:
    asked = read_broker(url).options["sentinel_kwargs"]
    assert {name: asked.get(name) for name in ("ssl", "ssl_cert_reqs")} == {
        "ssl": True if tls else None,
        "ssl_cert_reqs": ssl.CERT_REQUIRED if tls else None,
    }
    assert (asked["socket_timeout"], asked["socket_connect_timeout"], asked["retry"].get_retries()) == (1.0, 1.0, 0)


@pytest.mark.parametrize(
    ("said", "checked"),
    [("false", False), ("No", False), ("0", False), ("true", True), ("yes", True), ("1", True)],
)
def test_the_name_of_a_host_is_checked_unless_the_url_says_otherwise(said: str, *, checked: bool) -> None:
    tls = read_broker(f"rediss://h?ssl_check_hostname={said}&socket_timeout=3").use_ssl
    assert tls == {"ssl_check_hostname": checked, "ssl_cert_reqs": ssl.CERT_REQUIRED}


@pytest.mark.parametrize(
    ("said", "reqs"), [("CERT_OPTIONAL", ssl.CERT_OPTIONAL), ("none", ssl.CERT_NONE), ("Required", ssl.CERT_REQUIRED)]
)
def test_a_certificate_is_asked_for_as_the_url_says(said: str, reqs: ssl.VerifyMode) -> None:
    assert read_broker(f"rediss://h?ssl_cert_reqs={said}").use_ssl == {"ssl_cert_reqs": reqs}


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("unix:///run/redis/redis.sock", "synctasks+socket:///run/redis/redis.sock?virtual_host=0"),
        ("unix://u:p@/run/r.sock?db=7", "synctasks+socket://u:p@/run/r.sock?virtual_host=7"),
    ],
)
def test_the_name_of_a_socket_stays_as_it_is(url: str, there: str) -> None:
    assert transport_for(read_broker(url).url) == (there, None)


def test_a_login_of_sentinels_needs_a_password() -> None:
    asked = read_broker("sentinel://u:@one/main?sentinel_username=s").options["sentinel_kwargs"]
    assert not {"username", "password"} & asked.keys()
    assert read_broker("sentinel://:p@one/main").url == "sentinel://:p@one:26379/0"
    assert read_broker("sentinel://u:@one/main").url == "sentinel://one:26379/0"
    asked = read_broker("sentinel://one/main?sentinel_password=s").options["sentinel_kwargs"]
    assert (asked["username"], asked["password"]) == (None, "s")
