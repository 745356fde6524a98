"""Who did what to whose data is read by user and by moment, and forgotten once it is old enough."""

from sync_tasks.state.audit import LONGEST_WHO, forget_old, note_deed, read_audit
from sync_tasks.state.store import Store

A_DAY = 86_400_000_000


def note_three(store: Store) -> None:
    note_deed(store, "ops", "replay", "u1", "letter 1")
    note_deed(store, "eve", "discard", "u2", "letter 2")
    note_deed(store, "ops", "end hold")


def test_what_was_done_about_one_user_is_kept_apart_from_the_rest(store: Store) -> None:
    store.redis.set(store.key("secret"), "s" * 32)
    note_three(store)
    assert [(entry.who, entry.what, entry.about) for entry in read_audit(store, "u1")] == [
        ("ops", "replay", "letter 1")
    ]
    assert [entry.what for entry in read_audit(store, "u3")] == []
    assert [entry.what for entry in read_audit(store)] == ["replay", "discard", "end hold"]
    assert "u1" not in str(list(read_audit(store)))


def test_what_was_done_is_read_from_a_moment_on(store: Store) -> None:
    note_deed(store, "ops", "replay")
    note_deed(store, "ops", "discard")
    first, second = read_audit(store)
    assert list(read_audit(store, since=int(first.at))) == [first, second]
    assert list(read_audit(store, since=int(first.at) + 1)) == [second]


def test_a_name_is_cut_and_makes_no_line_of_its_own(store: Store) -> None:
    note_deed(store, "o\np" + "s" * 2 * LONGEST_WHO, "replay")
    (entry,) = read_audit(store)
    assert len(entry.who) == LONGEST_WHO
    assert "\n" not in entry.who


def test_what_is_old_is_forgotten_and_nothing_else(store: Store) -> None:
    note_three(store)
    texts = list(map(str, store.redis.zrange(store.key("audit"), 0, -1)))
    now = int(store.now())
    store.redis.zadd(store.key("audit"), {texts[0]: now - 3 * A_DAY, texts[1]: now - 1 * A_DAY})
    assert forget_old(store, 2) == 1
    assert [entry.what for entry in read_audit(store)] == ["discard", "end hold"]
    assert forget_old(store, 2) == 0
