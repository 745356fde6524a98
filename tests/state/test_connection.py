"""A connection to the state ends with its client: nothing is left for the garbage collector."""

from typing import Any

import pytest
from redis import Redis

from sync_tasks.state.connection import connect


def test_a_client_that_is_closed_leaves_no_connection_open(redis_client: Redis, redis_url: str) -> None:
    def count() -> int:
        return len(redis_client.client_list())

    before = count()
    with connect(redis_url) as redis:
        redis.ping()
        assert count() == before + 1
    assert count() == before


@pytest.mark.parametrize("url", ["redis://one/0?{}", "sentinel://one/main/0?{}"])
def test_settings_in_the_url_are_numbers_on_every_way_to_redis(url: str) -> None:
    said = url.format("socket_timeout=2.5&health_check_interval=7&socket_keepalive=no&max_connections=3&timeout=4")
    with connect(said) as client:
        pool: Any = client.connection_pool
    found = {name: pool.connection_kwargs[name] for name in ("socket_timeout", "health_check_interval")}
    assert found == {"socket_timeout": 2.5, "health_check_interval": 7}
    assert pool.connection_kwargs["socket_keepalive"] is False
    assert (pool.max_connections, pool.timeout) == (3, 4.0)
