"""A connection to the state ends with its client: nothing is left for the garbage collector."""

from typing import Any

import pytest
from redis import Redis

from sync_tasks.state.connection import connect
from tests.support.processes import wait_until


def test_a_client_that_is_closed_leaves_no_connection_open(redis_client: Redis, redis_url: str) -> None:
    def count() -> int:
        return len(redis_client.client_list())

    before = count()
    with connect(redis_url) as redis:
        redis.ping()
        assert count() == before + 1
    # The server sees the end of a connection a moment later.
    wait_until(lambda: count() == before, "the connection to end")


@pytest.mark.parametrize("url", ["redis://one/0?{}", "sentinel://one/main/0?{}"])
def test_settings_in_the_url_are_numbers_on_every_way_to_redis(url: str) -> None:
    said = url.format("socket_timeout=2.5&health_check_interval=7&socket_keepalive=no&max_connections=3&timeout=4")
    with connect(said) as client:
        pool: Any = client.connection_pool
    found = {name: pool.connection_kwargs[name] for name in ("socket_timeout", "health_check_interval")}
    assert found == {"socket_timeout": 2.5, "health_check_interval": 7}
    assert pool.connection_kwargs["socket_keepalive"] is False
    assert (pool.max_connections, pool.timeout) == (3, 4.0)


def test_a_url_of_sentinels_leads_to_the_primary_that_it_names() -> None:
    url = "sentinel://anna:word@one:26379,two:26380/main/3"
    with connect(url) as client:
        pool: Any = client.connection_pool
    asked = [one.connection_pool.connection_kwargs for one in pool.sentinel_manager.sentinels]
    assert pool.service_name == "main"
    assert [(one["host"], one["port"]) for one in asked] == [("one", 26379), ("two", 26380)]
    held = {name: pool.connection_kwargs[name] for name in ("username", "password", "db")}
    assert held == {"username": "anna", "password": "word", "db": 3}
