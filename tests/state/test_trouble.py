"""Which errors of Redis say that it refuses us, and what to do then; a script words the lack of a right otherwise."""

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - as redis calls it
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - as redis calls it
)

from sync_tasks.state.trouble import advise_on, concerns_all, describe_refusal, find_refusal, is_trouble

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


@pytest.mark.parametrize("code", ["MISCONF", "OOM", "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "BUSY"])
@pytest.mark.parametrize("words", ["{} not now", "ERR Error running script (call to f_1): @user_script: -{} not now"])
def test_what_redis_says_of_itself_passes_by_itself(code: str, words: str) -> None:
    assert is_trouble(ResponseError(words.format(code)))
    assert not is_trouble(ResponseError(words.format(f"{code}X")))


PASSING = {
    AuthenticationError("WRONGPASS"): "it refuses the user or the password: correct SYNC_REDIS_URL",
    BusyLoadingError("LOADING"): "wait until it has loaded its data",
    MasterDownError("MASTERDOWN"): (
        "it is a replica without its primary: start that, or name another server in SYNC_REDIS_URL"
    ),
    OutOfMemoryError("OOM"): "raise its maxmemory",
    ReadOnlyError("READONLY"): "it is a replica: name its primary in SYNC_REDIS_URL, or its sentinels",
    TimeoutError("Timeout reading"): "it hangs: look at its machine and its disk",
    ConnectionError("Connection refused"): "start it, or correct SYNC_REDIS_URL",
}


@pytest.mark.parametrize(("error", "advice"), PASSING.items(), ids=[type(error).__name__ for error in PASSING])
def test_each_trouble_of_a_server_passes_and_has_its_advice(error: RedisError, advice: str) -> None:
    assert is_trouble(error)
    assert advise_on(error, "SYNC_REDIS_URL") == advice


@pytest.mark.parametrize(
    ("before", "advice"),
    [
        (
            OSError("The handshake operation timed out"),
            "it hangs, or speaks no TLS: then write redis:// in X",
        ),
        (ConnectionResetError(104, "reset"), "start it, or correct X: a server with TLS is written rediss://"),
    ],
)
def test_what_came_before_an_error_says_whether_it_is_about_tls(before: Exception, advice: str) -> None:
    error = ConnectionError("Error 1 connecting")
    error.__context__ = before
    assert advise_on(error, "X") == advice


def test_an_error_of_one_request_is_no_refusal() -> None:
    error = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
    assert not concerns_all(error)
    assert find_refusal(error) is None


def test_a_refusal_is_found_behind_what_it_caused() -> None:
    refusal, caught = RIGHTS["a newer script"][0], RuntimeError("not sent")
    caught.__cause__ = ValueError("of kombu")
    caught.__cause__.__context__ = refusal
    assert find_refusal(caught) is refusal
