"""Which errors of Redis say that it refuses us, and what to do then; a script words the lack of a right otherwise."""

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from sync_tasks.state.trouble import concerns_all, describe_refusal, find_refusal

GRANT = "grant its user the right"
# As servers say it: a command, a script on Redis 6.2 (a command, a key), a script on Redis 7.0 and later.
RIGHTS = {
    "a command": (
        NoPermissionError("this user has no permissions to run the 'brpop' command"),
        f"Redis refuses (NoPermissionError): {GRANT} to BRPOP, see docker/users.conf",
    ),
    "a script": (
        ResponseError("The user executing the script can't run this command or subcommand"),
        f"Redis refuses (ResponseError): {GRANT}, see docker/users.conf",
    ),
    "a key in a script": (
        ResponseError("The user executing the script can't access at least one of the keys mentioned"),
        f"Redis refuses (ResponseError): {GRANT}, see docker/users.conf",
    ),
    "a newer script": (
        ResponseError("ACL failure in script: User portal has no permissions to run the 'hset' command"),
        f"Redis refuses (ResponseError): {GRANT} to HSET, see docker/users.conf",
    ),
}


@pytest.mark.parametrize(("error", "said"), RIGHTS.values(), ids=RIGHTS)
def test_a_right_that_is_lacking_is_a_refusal_that_every_event_would_meet(error: ResponseError, said: str) -> None:
    assert concerns_all(error)
    assert find_refusal(error) is error
    assert describe_refusal(error, "SYNC_REDIS_URL") == said


def test_an_error_of_one_request_is_no_refusal() -> None:
    error = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
    assert not concerns_all(error)
    assert find_refusal(error) is None


def test_a_refusal_is_found_behind_what_it_caused() -> None:
    refusal, caught = RIGHTS["a newer script"][0], RuntimeError("not sent")
    caught.__cause__ = ValueError("of kombu")
    caught.__cause__.__context__ = refusal
    assert find_refusal(caught) is refusal
