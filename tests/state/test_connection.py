"""A connection to the state ends with its client: nothing is left for the garbage collector."""

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
