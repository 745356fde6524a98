"""``sync-tasks status``: what goes on, and loudly what keeps events from reaching Brevo."""

import json
from types import SimpleNamespace

import pytest

from sync_tasks.errors import UnauthorizedError
from sync_tasks.monitoring import status
from sync_tasks.state.posts import end_post, put_post, read_all_posts
from tests.support.desk import KEY, MARK, Desk, run


@pytest.fixture
def at_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A pipeline that was swept just now and whose worker answers."""
    desk.pipeline.store.redis.set("sync_tasks:swept", desk.pipeline.store.now())
    monkeypatch.setattr(status, "ping_workers", lambda: ["worker-1@localhost"])
    return desk


def test_a_pipeline_at_work_is_no_trouble(at_work: Desk) -> None:
    reported = at_work.run("status")
    assert all(text in reported for text in ("worker-1@localhost", "default running", "everything is synced", "swept"))
    assert at_work.read("status")["troubles"] == []


def test_what_waits_is_counted(at_work: Desk) -> None:
    at_work.fail("anna")
    at_work.pipeline.subscribe("ben", email=f"{MARK}@portal.org")
    reported = at_work.read("status")
    assert (reported["dirty"], reported["dead_letters"], reported["in_flight"]) == (1, 1, 0)
    assert reported["queues"] == dict.fromkeys(
        ("sync_tasks", "sync_tasks.urgent", "sync_tasks.sweeps", "sync_tasks.background"), 0
    )
    assert reported["oldest_unsynced_seconds"] >= 0
    assert all(text in at_work.run("status") for text in ("1 unsynced", "unsynced for", "sync-tasks failed list"))


def test_a_contact_in_hand_is_in_flight(at_work: Desk) -> None:
    at_work.pipeline.subscribe("ben")
    later = str(int(at_work.pipeline.store.now()) + 60_000_000)
    at_work.pipeline.store.redis.hset("sync_tasks:contacts:ben", "lease", later)
    assert at_work.read("status")["in_flight"] == 1


def test_messages_that_workers_have_taken_are_counted_apart(at_work: Desk) -> None:
    assert at_work.read("status")["unacknowledged"] == 0
    at_work.pipeline.store.redis.hset("sync_tasks:unacked", "a-tag", "a message")
    assert at_work.read("status")["unacknowledged"] == 1
    assert "taken by workers 1" in at_work.run("status")


def test_a_paused_account_is_trouble_and_why_is_reported(at_work: Desk) -> None:
    at_work.pipeline.resources.limiter.pause("default", UnauthorizedError("Brevo refuses the key"))
    reported = at_work.read("status", exits=1)
    assert reported["paused"]["default"]["error"] == "UnauthorizedError"
    shown = at_work.run("status", exits=1)
    assert all(text in shown for text in ("default paused for", "account default is paused", "Brevo refuses the key"))


def test_a_sweep_long_ago_is_trouble(at_work: Desk) -> None:
    long_ago = int(at_work.pipeline.store.now()) - 7_200_000_000
    at_work.pipeline.store.redis.set("sync_tasks:swept", long_ago)
    assert "no beat has swept for 2 h" in at_work.run("status", exits=1)


def test_without_workers_and_sweeps_both_are_named_with_their_remedy(desk: Desk) -> None:
    reported = desk.run("status", exits=1)
    assert all(text in reported for text in ("none answers", "no worker answers", "celery -A sync_tasks beat"))
    assert len(desk.read("status", exits=1)["troubles"]) == 2


@pytest.mark.parametrize("words", [("status",), ("doctor",), ("failed", "list"), ("contact", "anna")])
def test_where_redis_is_away_one_line_says_so_without_its_password(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", f"redis://:{KEY}@127.0.0.1:1/0")
    assert "Redis at 127.0.0.1:1/0 is away or in trouble: ConnectionError" in desk.run(*words, exits=1)
    monkeypatch.setenv("SYNC_REDIS_URL", f"nonsense://{KEY}")
    assert "SYNC_REDIS_URL: not the URL of a Redis" in desk.run(*words, exits=2)


def test_who_watches_sees_it_anew_until_ctrl_c(at_work: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[float] = []

    def sleep(seconds: float) -> None:
        shown.append(seconds)
        if len(shown) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("sync_tasks.cli.commands.status.time", SimpleNamespace(sleep=sleep))
    done = run("status", "--watch")
    assert done.exit_code == 130
    assert (done.output.count("worker-1@localhost"), shown) == (3, [2.0, 2.0, 2.0])
    assert "--watch is for people" in at_work.run("status", "--watch", "--json", exits=2)


@pytest.mark.parametrize("words", [("status", "--json"), ("failed", "list", "--json"), ("contact", "anna", "--json")])
def test_a_program_gets_its_document_also_where_redis_is_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    reported = "Redis at 127.0.0.1:1/0 is away or in trouble: ConnectionError; start it, or correct SYNC_REDIS_URL"
    monkeypatch.setenv("SYNC_REDIS_URL", f"redis://:{KEY}@127.0.0.1:1/0")
    assert json.loads(run(*words).stdout) == {"troubles": [reported]}
    desk.configuration.write_text("typo = 1\n")
    assert "typo: unknown key" in str(json.loads(run("status", "--json").stdout)["troubles"])


@pytest.mark.parametrize("words", [("status",), ("doctor",), ("contact", "anna"), ("sandbox",)])
def test_a_broken_configuration_is_one_line_per_fault(desk: Desk, words: tuple[str, ...]) -> None:
    desk.configuration.write_text("typo = 1\n[newsletters.daily]\nlist_id = 'three'\n")
    reported = desk.run(*words, exits=2)
    assert len(reported.splitlines()) == 2
    assert all(fault in reported for fault in ("newsletters.daily.list_id: ", "typo: unknown key"))


def test_without_a_command_the_help_is_printed() -> None:
    assert "dead letters" in run("--help").output
    assert run("--nonsense").exit_code == 2


def test_notices_that_the_portal_has_not_taken_are_shown_until_they_are(at_work: Desk) -> None:
    store = at_work.pipeline.store
    assert "not taken yet" not in at_work.run("status")
    put_post(store, {"user_id": "anna", "event": "unsubscribed"})
    assert "1 notice not taken yet" in at_work.run("status")
    assert "given up" not in at_work.run("status")
    (post,) = read_all_posts(store)
    end_post(store, post, given_up=True)
    assert "0 notices not taken yet · 1 given up, see the log" in at_work.run("status")


def test_metrics_are_printed_for_whoever_reads_them(at_work: Desk) -> None:
    printed = at_work.run("status", "--metrics")
    assert printed.startswith("# HELP")
    assert "sync_tasks_" in printed


@pytest.mark.parametrize("word", ["--json", "--metrics"])
def test_only_people_watch(at_work: Desk, word: str) -> None:
    assert "--watch is for people" in " ".join(
        at_work.run("status", "--watch", word, exits=2).replace("│", " ").split()
    )
