"""Traces of erased users in hints and letters, removed each night.

The tombstone leaves nothing with the user's id if an index names the places. What is found only by looking at
everything is found here: hints that lack an index, news for the portal, letters and tombstones of an older release.
"""

import json
from collections.abc import Iterable
from typing import cast

from sync_tasks.chunks import chunks
from sync_tasks.domain.news import read_notice
from sync_tasks.state.bulk import SCAN_CHUNK, find_erased, find_existing, split_tombstones
from sync_tasks.state.dead_letters import read_letters
from sync_tasks.state.keys import CLOSED_LETTERS, DEAD_LETTERS
from sync_tasks.state.posts import read_all_posts
from sync_tasks.state.store import Store

# Sorted sets whose members are users with a state.
_HINTS = ("pending:*", "waiting:*", "paused_users:*")


def forget_traces(store: Store) -> int:
    """Remove what still names erased users; return how much that was."""
    split_tombstones(store)
    return _forget_hints(store) + _forget_news(store) + _forget_letters(store)


def _forget_hints(store: Store) -> int:
    gone = 0
    for pattern in _HINTS:
        for name in map(str, store.redis.scan_iter(match=store.key(pattern), count=SCAN_CHUNK, _type="zset")):
            members = (str(member) for member, _ in store.redis.zscan_iter(name, count=SCAN_CHUNK))
            for users in chunks(members, SCAN_CHUNK):
                nobody = set(users) - find_existing(store, users)
                gone += int(store.redis.zrem(name, *nobody)) if nobody else 0
    return gone


def _forget_news(store: Store) -> int:
    notices = cast("list[str]", store.redis.zrange(store.key("notices"), 0, -1))
    gone = _forget_in_set(store, "notices", ((line, read_notice(line).user_id) for line in notices))
    unreported = cast("list[str]", store.redis.zrange(store.key("untold"), 0, -1))
    gone += _forget_in_set(store, "untold", ((name, name.partition(" ")[2]) for name in unreported))
    gone += _forget_in_set(store, "posts", ((post.line, post.user_id) for post in read_all_posts(store)))
    names = list(map(str, store.redis.hkeys(store.key("suppressed"))))
    for chunk in chunks(names, SCAN_CHUNK):
        users = {name: name.partition(" ")[2] for name in chunk}
        erased = find_erased(store, list(users.values()))
        fields = [name for name, user in users.items() if user in erased]
        gone += int(store.redis.hdel(store.key("suppressed"), *fields)) if fields else 0
    return gone


def _forget_in_set(store: Store, name: str, entries: Iterable[tuple[str, str]]) -> int:
    gone = 0
    for chunk in chunks(entries, SCAN_CHUNK):
        erased = find_erased(store, [user for _, user in chunk])
        members = [member for member, user in chunk if user in erased]
        gone += int(store.redis.zrem(store.key(name), *members)) if members else 0
    return gone


def _forget_letters(store: Store) -> int:
    """Remove letters of erased users; those of a tombstone's own time are gone already."""
    gone = 0
    for letters in chunks((letter for letter in read_letters(store) if letter.user_id), SCAN_CHUNK):
        erased = find_erased(store, [letter.user_id for letter in letters])
        ids = [letter.id for letter in letters if letter.user_id in erased]
        gone += int(store.redis.hdel(store.key(DEAD_LETTERS), *ids)) if ids else 0
    closed = cast("list[str]", store.redis.lrange(store.key(CLOSED_LETTERS), 0, -1))
    for texts in chunks(closed, SCAN_CHUNK):
        users = [str(json.loads(text).get("user_id") or "") for text in texts]
        erased = find_erased(store, users)
        for text, user in zip(texts, users, strict=True):
            gone += int(store.redis.lrem(store.key(CLOSED_LETTERS), 0, text)) if user in erased else 0
    return gone
