"""The pipeline of the test kit, in this process: what it holds, when it is settled, and to where it leads."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Self, cast

import pytest

from sync_tasks import unsubscribe_contact
from sync_tasks.config.settings import load_settings
from sync_tasks.errors import ConfigurationError
from sync_tasks.local.processes import PartEndedError, Parts
from sync_tasks.portal import local_pipeline
from sync_tasks.portal.local_pipeline import HeldContact, LocalPipeline, lead_to, running
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.dead_letters import put_letter
from sync_tasks.tasks import accept
from sync_tasks.tasks.app import app
from tests.support.desk import Desk


class Watched:
    """Parts that run, until the test says that one has ended."""

    def __init__(self) -> None:
        self.looks = 0
        self.at_look: Callable[[int], None] = lambda _: None

    def check(self) -> None:
        self.looks += 1
        self.at_look(self.looks)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def local(desk: Desk, redis_url: str, watched: Watched) -> LocalPipeline:
    """A pipeline whose worker is the test itself."""
    heard = ["first", "second", "third", "fourth"]
    return LocalPipeline(redis_url, desk.pipeline.brevo, load_settings(), cast("Parts", watched), heard)


def work_off(desk: Desk, user_id: str) -> None:
    """Do what a worker does: take the messages off the queue, and look at the user."""
    desk.pipeline.store.redis.delete("sync_tasks", "sync_tasks.urgent", "sync_tasks.background")
    desk.pipeline.waiting.append(user_id)
    desk.pipeline.work()


def test_it_waits_until_what_was_accepted_is_at_brevo(local: LocalPipeline, desk: Desk, watched: Watched) -> None:
    watched.at_look = lambda look: work_off(desk, "anna") if look == 2 else None
    desk.pipeline.subscribe("anna", "daily", first_name="Anna")
    desk.pipeline.subscribe("anna", "weekly")
    local.wait(20)
    assert watched.looks >= 2
    held = local.contact("anna")
    assert held is not None
    assert (held.email, held.newsletters, held.blocklisted) == (
        "anna@portal.org",
        frozenset({"daily", "weekly"}),
        False,
    )
    assert held.attributes["FIRSTNAME"] == "Anna"
    assert local.contact("otto") is None
    local.store.redis.close()


def test_a_list_of_somebody_else_and_a_block_are_shown(local: LocalPipeline, desk: Desk) -> None:
    desk.pipeline.subscribe("anna", "daily")
    desk.pipeline.work()
    change = {"listIds": [9], "emailBlacklisted": True}
    desk.pipeline.brevo.request("PUT", "/contacts/anna@portal.org", change)
    held = local.contact("anna")
    assert held is not None
    assert (held.newsletters, held.blocklisted) == (frozenset({"daily"}), True)
    assert "anna@portal.org" not in repr(held)
    assert isinstance(held, HeldContact)


@pytest.mark.parametrize("queue", ["sync_tasks", "sync_tasks.urgent", "sync_tasks.background", "sync_tasks:unacked"])
def test_a_message_that_nobody_has_worked_off_is_not_settled(local: LocalPipeline, queue: str) -> None:
    assert local._is_settled()
    local.store.redis.rpush(queue, "a message")
    assert not local._is_settled()
    local.store.redis.delete(queue)
    local.store.redis.close()


def test_a_contact_that_is_due_is_given_to_the_workers_at_once(local: LocalPipeline, desk: Desk) -> None:
    desk.pipeline.subscribe("anna")
    assert not local._is_settled()
    redis = local.store.redis
    assert sum(redis.llen(name) for name in ("sync_tasks", "sync_tasks.urgent", "sync_tasks.background")) == 1
    redis.close()


def test_what_never_settles_fails_with_the_last_words_of_the_worker(local: LocalPipeline, desk: Desk) -> None:
    desk.pipeline.subscribe("anna")
    with pytest.raises(AssertionError) as caught:
        local.wait(0.1)
    said = "not settled after 0.1 s; the worker's last words: ['second', 'third', 'fourth']"
    assert str(caught.value) == said
    local.store.redis.close()


def test_a_worker_that_has_ended_ends_the_wait(local: LocalPipeline, desk: Desk, watched: Watched) -> None:
    def end(_look: int) -> None:
        raise PartEndedError("worker has ended with exit 1")

    watched.at_look = end
    desk.pipeline.subscribe("anna")
    with pytest.raises(PartEndedError):
        local.wait(20)
    local.store.redis.close()


def test_a_dead_letter_is_one_line(local: LocalPipeline, desk: Desk) -> None:
    letter = desk.fail("anna")
    assert local.dead_letters() == [f"unsubscribe_contact anna: UnknownContactError {letter.message}"]
    put_letter(local.store, letter)
    local.store.redis.close()


class Started:
    """Parts that start nothing and remember what they were asked for."""

    def __init__(self, env: dict[str, str], hear: Callable[[str, str], None], *, patience: float) -> None:
        self.env, self.hear, self.patience = dict(env), hear, patience
        self.words: list[tuple[str, ...]] = []
        self.ready: list[str | None] = []
        self.waited = self.ended = False
        made.append(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True

    def start(self, *words: str, ready: str | None = None) -> None:
        self.words.append(words)
        self.ready.append(ready)

    def wait_until_ready(self) -> None:
        self.waited = True


made: list[Started] = []


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractContextManager[LocalPipeline]]:
    """Start the pipeline in an empty directory, without a process for its worker."""
    made.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local_pipeline, "Parts", Started)
    monkeypatch.delenv("SYNC_CONFIG", raising=False)
    monkeypatch.setenv("SYNC_REDIS_URL", "redis://elsewhere:6379/0")
    monkeypatch.setenv("SYNC_API_KEY_FILE", "/elsewhere")
    return lambda: running(cast("Any", monkeypatch), tmp_path)


def test_it_leads_this_process_and_its_worker_to_servers_of_its_own(
    begin: Callable[[], AbstractContextManager[LocalPipeline]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SYNC_NAMESPACE", "kept")
    before = app.conf.broker_url
    with begin() as pipeline:
        (parts,) = made
        assert (parts.waited, parts.ended, parts.patience) == (True, False, 10.0)
        assert parts.words == [("worker", "--quiet", "worker", "--concurrency=4", "-n", "rehearsal@%h")]
        assert parts.ready == [" ready."]
        given = {name: os.environ[name] for name in os.environ if name.startswith("SYNC_")}
        assert parts.env.items() >= given.items()
        assert given.keys() == {"SYNC_CONFIG", "SYNC_REDIS_URL", "SYNC_BASE_URL", "SYNC_API_KEY", "SYNC_NAMESPACE"}
        assert given["SYNC_REDIS_URL"] == pipeline.redis_url == app.conf.broker_url
        assert pipeline.store.key("x") == "kept:x"
        assert (tmp_path / "redis" / "password.conf").exists()
        parts.hear("worker", "said this")
        assert pipeline.heard == ["said this"]
        unsubscribe_contact.delay(user_id="anna", newsletter="daily")
        assert pipeline.store.peek("anna") is not None
        assert {one["name"] for one in pipeline.brevo.request("GET", "/contacts/lists", limit=50).json()["lists"]} >= {  # type: ignore[index]
            "daily",
            "weekly",
        }
    assert parts.ended
    assert app.conf.broker_url == before
    assert not accept.portal_store.cache_info().currsize


@pytest.mark.parametrize("named", [True, False])
def test_the_configuration_of_the_portal_is_taken_if_it_has_one(
    begin: Callable[[], AbstractContextManager[LocalPipeline]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    named: bool,
) -> None:
    path = tmp_path / ("named.toml" if named else "sync_tasks.toml")
    path.write_text("[newsletters.mine]\nlist_id = 3\n")
    if named:
        monkeypatch.setenv("SYNC_CONFIG", str(path))
    with begin() as pipeline:
        assert [*pipeline.settings.newsletters] == ["mine"]


def test_a_configuration_of_several_accounts_is_refused(
    begin: Callable[[], AbstractContextManager[LocalPipeline]], tmp_path: Path
) -> None:
    path = tmp_path / "sync_tasks.toml"
    path.write_text('[accounts.other]\n[newsletters.mine]\nlist_id = 3\naccount = "other"\n')
    with pytest.raises(ConfigurationError, match="the local Brevo is one account, 'default'"), begin():
        pass


def test_this_process_is_led_elsewhere_for_a_block_alone(desk: Desk, redis_url: str) -> None:
    assert desk.configuration.exists()
    with ExitStack() as stack:
        accept.portal_store()
        stack.enter_context(lead_to("redis://127.0.0.1:1/0"))
        assert app.conf.broker_url == "redis://127.0.0.1:1/0"
        assert not accept.portal_store.cache_info().currsize
    assert app.conf.broker_url == redis_url
    assert isinstance(desk.pipeline.brevo, Sandbox)
