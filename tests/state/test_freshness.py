"""How long events waited is kept for each minute of a day, and no longer."""

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.bulk import oldest_dirty
from sync_tasks.state.freshness import MINUTES, Minute, note_freshness, read_freshness
from sync_tasks.state.store import Store
from tests.support.saying import update


def make_dirty(store: Store, seconds_ago: int) -> None:
    store.accept(update(1, first_name="A"))
    ((user_id, _),) = oldest_dirty(store, 1)
    store.redis.zadd(store.key("dirty"), {user_id: int(store.now()) - seconds_ago * MICROSECONDS_PER_SECOND})


def test_the_worst_of_a_minute_is_kept(store: Store) -> None:
    make_dirty(store, 90)
    note_freshness(store)
    store.redis.delete(store.key("dirty"))
    note_freshness(store)
    now, seen = read_freshness(store)
    # The clock may pass a full minute between the two.
    assert seen[0] in {Minute(now, 90, 1), Minute(now - 1, 90, 1)}


def test_without_anything_unsynced_it_is_nought(store: Store) -> None:
    note_freshness(store)
    now, seen = read_freshness(store)
    assert [(one.seconds, one.unsynced) for one in seen] == [(0, 0)]
    assert now - seen[0].minute in {0, 1}


def test_what_is_older_than_a_day_is_not_shown_and_makes_room(store: Store) -> None:
    now, _ = read_freshness(store)
    name = store.key("freshness")
    for minute in (now - MINUTES, now - MINUTES + 3, now - 2, now + 2):
        store.redis.hset(name, str(minute % MINUTES), f"{minute} 7 1")
    assert [one.minute for one in read_freshness(store)[1]] == [now - MINUTES + 3, now - 2]
    note_freshness(store)
    # That of a day ago had the place of this minute.
    assert store.redis.hlen(name) in {4, 5}
    assert 0 < store.redis.ttl(name) <= MINUTES * 60
