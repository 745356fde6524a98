"""Which lists a contact is not on costs little however many newsletters there are, and is never invented."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_tasks.domain.contact import RemoteState
from sync_tasks.state.codec import dump_seen, load_contact
from sync_tasks.state.store import Store
from tests.support.saying import stamp

LISTS = st.frozensets(st.integers(1, 40))


def loaded(fields: dict[str, str]) -> RemoteState:
    return load_contact("u1", fields).seen["default"]


@given(absent=LISTS, lists=LISTS)
def test_what_a_contact_is_not_on_is_read_as_it_was_written(absent: frozenset[int], lists: frozenset[int]) -> None:
    seen = RemoteState(7, "ada@portal.org", lists, absent_lists=absent - lists)
    assert loaded(dump_seen("default", seen)) == seen


@pytest.mark.parametrize("newsletters", [5, 150, 500])
def test_a_contact_takes_no_more_than_600_bytes_however_many_newsletters_there_are(
    store: Store, newsletters: int
) -> None:
    lists = frozenset({3, 4 + newsletters // 2})
    absent = frozenset(range(3, 3 + newsletters)) - lists
    address, digest = "augusta.lovelace@portal.org", "0123456789abcdef"
    seen = RemoteState(7, address, lists, digest, absent_lists=absent, read_at=stamp(1))
    fields = {name: text for name, text in dump_seen("default", seen).items() if text}
    reported = {"rev": "2", "v": "1", "latest": stamp(1), "address": f"{stamp(1)}{address}"}
    reported |= {f"a:{name}": f'{stamp(1)}"Augusta"' for name in ("first_name", "last_name")}
    reported |= {f"n:newsletter-{number}": f"{stamp(1)}s" for number in range(2)}

    for name, text in (reported | fields).items():
        store.redis.hset(store.key("contacts:u1"), name, text)

    assert (store.redis.memory_usage(store.key("contacts:u1")) or 0) in range(1, 601)


def test_what_release_0_1_wrote_is_read() -> None:
    fields = dump_seen("default", RemoteState(7, lists=frozenset({3}))) | {"s:default:off": "5,7"}
    assert loaded(fields).absent_lists == {5, 7}


def test_what_an_older_worker_wrote_since_goes_before_what_a_newer_one_had_written() -> None:
    newer = {"s:default:id": "7", "s:default:lists": "3", "s:default:unlisted": "5-7"}
    joined_all = newer | {"s:default:lists": "3,5,6,7"}
    joined_one = newer | {"s:default:lists": "3,5", "s:default:off": "6"}
    assert [loaded(fields).absent_lists for fields in (joined_all, joined_one)] == [set(), {6}]


def test_the_next_write_removes_the_older_form() -> None:
    seen = replace(RemoteState(7), absent_lists=frozenset({5}))
    assert (dump_seen("default", seen)["s:default:off"], dump_seen("default", seen)["s:default:unlisted"]) == ("", "5")
