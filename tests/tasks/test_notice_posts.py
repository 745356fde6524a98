"""What a portal hears over HTTP: signed, at least once, again for a day, and never more than ids."""

import base64
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from standardwebhooks import Webhook

from sync_tasks.errors import ConfigurationError
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.posts import count_posts, is_posting_alone, put_post, read_due_posts
from sync_tasks.state.store import Sighting, Store
from sync_tasks.tasks.nightly import report_to_portal
from sync_tasks.tasks.notice_posts import check_posts, load_signers, post_notices
from tests.support.messages import handle
from tests.support.saying import ADA

SECRET, OLD = (f"whsec_{base64.b64encode(text * 4).decode()}" for text in (b"new-key-", b"old-key-"))
READER: dict[str, Any] = {"user_id": "u1", "newsletter": "daily", "email": ADA, "occurred_at": "2026-03-01T00:00:00Z"}
NOTICE = {"type": "newsletter.ended", "data": {"user_id": "u1"}}


class HttpPortal:
    """A portal that hears notices, and answers with the statuses it is given, then with 204."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.ends = Event()
        self.ends.set()
        self.url = ""

    @property
    def notices(self) -> list[Any]:
        return [json.loads(body) for _, body in self.heard]


@contextmanager
def listening() -> Iterator[HttpPortal]:
    portal = HttpPortal()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            portal.heard.append((dict(self.headers), body))
            self.send_response(portal.statuses.pop(0) if portal.statuses else 204)
            self.send_header("location", "/elsewhere")
            self.end_headers()
            with suppress(OSError):
                while not portal.ends.wait(0.05):
                    self.wfile.write(b".")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        portal.url = f"http://127.0.0.1:{server.server_port}/hooks"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield portal
        server.shutdown()
        thread.join()


@pytest.fixture
def portal(worker_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpPortal]:
    monkeypatch.setenv("SYNC_PORTAL_SECRET", SECRET)
    with listening() as portal:
        text = f'[portal]\nsuppressed_url = "{portal.url}"\n'
        worker_environment.write_text(worker_environment.read_text() + text)
        yield portal


def make_due(store: Store, seconds: int = 0) -> None:
    """Let what waits be due; with ``seconds``, as if it had waited so long."""
    lines: Any = store.redis.zrange(store.key("posts"), 0, -1)
    store.redis.delete(store.key("posts"))
    for line in lines:
        number, since, body = json.loads(line)
        store.redis.zadd(store.key("posts"), {json.dumps([number, since - seconds * 1_000_000, body]): 0})


def test_an_opt_out_at_brevo_is_reported_by_a_signed_post(portal: HttpPortal, brevo: Sandbox, store: Store) -> None:
    assert handle("sync_tasks.subscribe_contact", READER) == ("SUCCESS", "synced")
    brevo.act("complain", ADA)
    store.mark_changed("default", [Sighting(user_id="u1")])
    handle("sync_tasks.sync_contact", {"user_id": "u1"})
    assert [report_to_portal(), report_to_portal()] == [1, 0]
    assert store.redis.exists("sync_tasks.sweeps"), "a worker is asked to post it"
    assert handle("sync_tasks.post_notices", {}) == ("SUCCESS", 1)
    ((headers, body),) = portal.heard
    reported = Webhook(SECRET).verify(body, headers)
    assert (reported["type"], reported["data"]["user_id"], reported["data"]["kind"]) == (
        "newsletter.suppressed",
        "u1",
        "complaint",
    )
    assert ADA not in body.decode()
    assert (count_posts(store), post_notices()) == ((0, 0), 0)


def test_while_a_secret_is_changed_both_verify(
    portal: HttpPortal, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_PORTAL_SECRET", f"{SECRET} {OLD}")
    put_post(store, NOTICE)
    assert post_notices() == 1
    ((headers, body),) = portal.heard
    for secret in (SECRET, OLD):
        assert Webhook(secret).verify(body, headers) == NOTICE


@pytest.mark.parametrize("status", [500, 503, 429, 404, 302])
def test_a_notice_that_was_not_taken_goes_again_with_the_same_id(portal: HttpPortal, store: Store, status: int) -> None:
    portal.statuses = [status]
    put_post(store, NOTICE)
    assert (post_notices(), post_notices(), len(portal.heard)) == (0, 0, 1)
    make_due(store)
    assert (post_notices(), count_posts(store)) == (1, (0, 0))
    assert len({headers["webhook-id"] for headers, _ in portal.heard}) == 1


def test_an_answer_that_never_ends_holds_nothing_up(portal: HttpPortal, store: Store) -> None:
    portal.ends.clear()
    portal.statuses = [200, 200]
    put_post(store, {"data": {"user_id": "u1"}})
    put_post(store, {"data": {"user_id": "u2"}})
    posting = Thread(target=post_notices, daemon=True)
    posting.start()
    posting.join(20)
    portal.ends.set()
    assert (len(portal.heard), count_posts(store)) == (2, (0, 0))


def test_while_the_portal_is_away_one_try_is_enough(portal: HttpPortal, store: Store, worker_environment: Path) -> None:
    worker_environment.write_text(worker_environment.read_text().replace(portal.url, "http://127.0.0.1:9/hooks"))
    for user_id in ("u1", "u2", "u3"):
        put_post(store, {"data": {"user_id": user_id}})
    assert post_notices() == 0
    assert (len(read_due_posts(store)), count_posts(store)) == (2, (3, 0))


def test_one_notice_that_the_portal_does_not_like_keeps_no_other(portal: HttpPortal, store: Store) -> None:
    portal.statuses = [400]
    put_post(store, {"data": {"user_id": "u1"}})
    put_post(store, {"data": {"user_id": "u2"}})
    assert (post_notices(), count_posts(store)) == (1, (1, 0))


def test_after_a_day_it_is_given_up_and_the_log_says_whom_it_was_about(
    portal: HttpPortal, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    portal.statuses = [500]
    put_post(store, NOTICE)
    make_due(store, seconds=86_400)
    assert (post_notices(), count_posts(store)) == (0, (0, 1))
    assert "a notice of user u1 is given up after a day: the portal answered 500" in caplog.text


def test_the_same_news_put_twice_has_the_same_id(store: Store) -> None:
    put_post(store, NOTICE)
    put_post(store, NOTICE)
    assert len({post.id for post in read_due_posts(store)}) == 1


def test_whoever_comes_while_another_posts_has_nothing_to_do(portal: HttpPortal, store: Store) -> None:
    put_post(store, NOTICE)
    assert is_posting_alone(store)
    assert (post_notices(), portal.heard) == (0, [])


@pytest.mark.usefixtures("portal")
@pytest.mark.parametrize("text", ["", "too-short", "whsec_" + "!" * 40])
def test_a_secret_that_makes_no_sense_stops_the_start_and_is_not_shown(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_PORTAL_SECRET", text)
    with pytest.raises(ConfigurationError, match="SYNC_PORTAL_SECRET") as caught:
        check_posts()
    assert not text or text not in str(caught.value)


@pytest.mark.usefixtures("worker_environment")
def test_a_portal_without_a_url_needs_no_secret() -> None:
    check_posts()
    assert post_notices() == 0


def test_two_secrets_are_two_signers() -> None:
    assert len(load_signers({"SYNC_PORTAL_SECRET": f"{SECRET} {OLD}"})) == 2
