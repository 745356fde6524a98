"""Notices that go to the portal over HTTP, each until the portal has taken it.

Keys under ``<namespace>:``:

* ``posts``: each notice by when it is tried (again); a day at most.
* ``posts_given_up``: how many the portal did not take in a day; kept.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.state.store import Store

POST_CHUNK = 100
# While one worker posts, no other does; renewed with each notice.
ALONE = 60


@dataclass(frozen=True, slots=True)
class Post:
    """One notice: ``body`` is JSON, ``since`` a moment in microseconds. The same news has the same ``id``."""

    id: str
    since: int
    body: str

    @property
    def user_id(self) -> str:
        """Whom the notice is about."""
        return str(json.loads(self.body)["data"]["user_id"])

    @property
    def line(self) -> str:
        """The same as a line in Redis."""
        return json.dumps([self.id, self.since, self.body])


def put_post(store: Store, fields: Mapping[str, object]) -> None:
    """Let a notice go to the portal."""
    now, body = int(store.now()), json.dumps(fields, sort_keys=True)
    post = Post(f"msg_{hashlib.sha256(body.encode()).hexdigest()[:24]}", now, body)
    store.redis.zadd(store.key("posts"), {post.line: now})


def read_due_posts(store: Store) -> list[Post]:
    """Return notices that are due, the one due for longest first."""
    lines = cast(
        "list[str]", store.redis.zrange(store.key("posts"), 0, int(store.now()), byscore=True, offset=0, num=POST_CHUNK)
    )
    return [Post(*json.loads(line)) for line in lines]


def read_all_posts(store: Store) -> list[Post]:
    """Return all notices that wait."""
    return [Post(*json.loads(line)) for line in cast("list[str]", store.redis.zrange(store.key("posts"), 0, -1))]


def end_post(store: Store, post: Post, *, given_up: bool = False) -> None:
    """Forget a notice that the portal has taken, or that was ``given_up``."""
    with store.redis.pipeline() as pipeline:
        pipeline.zrem(store.key("posts"), post.line)
        if given_up:
            pipeline.incr(store.key("posts_given_up"))
        pipeline.execute()


def put_off_post(store: Store, post: Post, seconds: float) -> None:
    """Let a notice go again in so many seconds."""
    store.redis.zadd(
        store.key("posts"), {post.line: int(store.now()) + int(seconds * MICROSECONDS_PER_SECOND)}, xx=True
    )


def count_posts(store: Store) -> tuple[int, int]:
    """Return how many notices wait, and how many were given up since the first one."""
    waiting, given_up = store.ask_all([("ZCARD", store.key("posts")), ("GET", store.key("posts_given_up"))])
    return int(waiting), int(given_up or 0)


def is_posting_alone(store: Store) -> bool:
    """Return whether nobody else posts, and keep others from it."""
    return bool(store.redis.set(store.key("posting"), "1", nx=True, ex=ALONE))


def renew_posting(store: Store) -> None:
    """Keep others from posting for another while."""
    store.redis.expire(store.key("posting"), ALONE)


def end_posting(store: Store) -> None:
    """Let others post."""
    store.redis.delete(store.key("posting"))
