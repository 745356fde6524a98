"""What the scripts and Python both say is the same: one saying in each language, held together on the same inputs."""

from importlib.resources import files

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import EVENTS, MAX_AHEAD
from sync_tasks.domain.priority import ENDING, Priority
from sync_tasks.domain.registers import STAMP
from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.link_tokens import LinkToken, write_token
from sync_tasks.state import bulk, codec, keys
from sync_tasks.state.store import Store

PRELUDE = (files("sync_tasks.state") / "lua" / "prelude.lua").read_text()
both_said = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
events = st.builds(
    EventKey,
    st.sampled_from(sorted(EVENTS)),
    st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)),
    st.integers(0, 10**16 - 1).map("{:016d}".format),
)


def run(url: str, code: str, *arguments: str) -> str | None:
    """Return what a line of Lua says that is run with what all scripts share."""
    with redis.Redis.from_url(url, decode_responses=True) as client:
        client.set("both:secret", "drawn")
        answer: object = client.eval(PRELUDE + code, 1, "both:", *arguments)
        return None if answer is None else str(answer)


@both_said
@given(text=texts)
def test_what_stands_for_a_text(redis_url: str, text: str) -> None:
    assert run(redis_url, "return keyed_hash(ARGV[1])", text) == keys.keyed_hash("drawn", text)


@both_said
@given(address=texts, user=st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True))
def test_whose_an_address_is(redis_url: str, address: str, user: str) -> None:
    run(redis_url, "set_owner(keyed_hash(ARGV[1]), ARGV[2])", address, user)
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        name, field = keys.address_place(keys.address_hash("drawn", address))
        assert client.hget(f"both:{name}", field) == user


@both_said
@given(event=events)
def test_under_which_name_a_pending_event_is_found(redis_url: str, event: EventKey) -> None:
    kind = f"{event.task}:{event.newsletter}"
    expected = f"both:{keys.pending_key(kind)}" if event.newsletter else None
    assert run(redis_url, "return pending_key(ARGV[1])", str(event)) == expected


@both_said
@given(event=events)
def test_which_events_are_urgent(redis_url: str, event: EventKey) -> None:
    urgent = run(redis_url, "return is_urgent(ARGV[1]) and 1 or 0", str(event)) == "1"
    assert urgent is (event.task in ENDING) is (codec.priority_of_fields([f"p:{event}"]) is Priority.URGENT)


@both_said
@given(one=texts, other=texts)
def test_which_text_is_greater(redis_url: str, one: str, other: str) -> None:
    assert (run(redis_url, "return greater(ARGV[1], ARGV[2]) and 1 or 0", one, other) == "1") is (one > other)


@pytest.mark.parametrize(("rev", "loaded"), [("3", "3"), ("3", "2"), ("3", ""), ("", "")])
def test_whose_a_loaded_contact_is(redis_url: str, rev: str, loaded: str) -> None:
    code = "return is_loads_own(ARGV[1] ~= '' and ARGV[1], ARGV[2] ~= '' and ARGV[2]) and 1 or 0"
    stored = {name: text for name, text in (("rev", rev), ("filling", loaded)) if text}
    assert (run(redis_url, code, rev, loaded) == "1") is (bool(rev) and codec.is_loads_own(stored))


@pytest.mark.parametrize(
    ("number", "python"),
    [("STAMP", STAMP), ("MAX_AHEAD", int(MAX_AHEAD.total_seconds()) * MICROSECONDS_PER_SECOND)],
)
def test_numbers(redis_url: str, number: str, python: int) -> None:
    assert run(redis_url, f"return string.format('%.0f', {number})") == str(python)


def test_how_a_line_of_history_is_written(redis_url: str) -> None:
    for _ in range(40):
        run(redis_url, "note_lines('u1', {'line'}, now())")
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.llen(f"both:{keys.history_key('u1')}") == bulk.LINES
        assert 0 < client.ttl(f"both:{keys.history_key('u1')}") <= bulk.LINES_KEPT


@pytest.mark.parametrize(
    "user_id", ["x" * 20, "x" * 21, "x_-" * 9, "a.b" * 5, "a.b" * 8, "ä" * 9, "ä" * 10, "äx@y" * 7]
)
def test_how_long_a_user_id_is_in_the_token_of_a_link(store: Store, user_id: str) -> None:
    store.redis.hset(store.key(f"contacts:{user_id}"), "rev", "1")
    token = write_token(LinkToken(user_id, "default"), ("secret",))
    length = len(token.rpartition(".")[0].removeprefix("default.."))
    assert store.walk("default", "0", counting=True).counts == ({f"i:{length}": 1} if length > 20 else {})
