"""Everything that the pipeline says to Brevo: the four workflows, an import, a comparison, a webhook."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from sync_tasks.config.settings import Account, Settings
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.providers.brevo.connection import Patience
from sync_tasks.providers.brevo.webhook_setup import Webhook, WebhookDesk, install_webhook
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.sandbox import Sandbox
from sync_tasks.state.connection import connect
from sync_tasks.state.store import Store
from tests.contract.judged import KEY
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.comparing import compare
from tests.support.loading import Loader, Meddling, people
from tests.support.pipeline import SETTINGS, Pipeline, build_resources

# Prism compiles each schema when it is first needed.
PATIENT = Patience(connect=5, read=20, pause=0.01)
MANY = [f"c{number}" for number in range(12)]
# What must have been said, or the judge had nothing to judge.
SPOKEN = {
    "POST /contacts",
    "POST /contacts/import",
    "GET /contacts",
    "GET /contacts/*",
    "PUT /contacts/*",
    "POST /contacts/lists/*/contacts/add",
    "POST /contacts/lists/*/contacts/remove",
    "GET /account",
    "GET /webhooks",
    "POST /webhooks",
    "PUT /webhooks/*",
}


@contextmanager
def _building_pipeline(url: str, brevo: Sandbox, limiter: type[Limiter]) -> Iterator[Pipeline]:
    """Build a pipeline that takes ``url`` for Brevo, with a Redis of its own."""
    account = Account(base_url=url, requests_per_second=1000, api_key=SecretStr(KEY))
    settings = Settings.model_validate({**SETTINGS, "accounts": {"default": account}})
    with EmbeddedRedis(appendfsync="no") as redis:
        store = Store(connect(redis.url), "sync_tasks")
        pipeline = Pipeline(build_resources(settings, store, limiter, sure=True, patience=PATIENT), brevo)
        try:
            yield pipeline
        finally:
            pipeline.close()


def play(url: str, brevo: Sandbox, folder: Path) -> None:
    """Play everything; what Brevo holds in the end is right."""
    # A pipeline that looks in vain too often gives up.
    brevo.settings.import_seconds = SHORT / 3
    with _building_pipeline(url, brevo, Meddling) as pipeline:
        _play_one_user(pipeline)
        _play_an_old_contact(pipeline)
        _play_an_import(pipeline, folder)
        _play_a_comparison(pipeline)
        assert pipeline.letters() == []
    with _building_pipeline(url, brevo, BatchingLimiter) as pipeline:
        _play_a_batch(pipeline)
        assert pipeline.letters() == []
    _play_a_webhook(url)


def _play_one_user(pipeline: Pipeline) -> None:
    pipeline.subscribe("u", first_name="Ada", last_name="Lovelace", attributes={"city": "London", "visits": 3})
    pipeline.work()
    pipeline.update("u", email="moved@portal.org", first_name="Augusta", attributes={"city": None})
    pipeline.work()
    pipeline.unsubscribe("u")
    pipeline.work()
    assert not pipeline.lists("u")
    pipeline.anonymize("u")
    pipeline.work()
    assert "portal.org" not in str(pipeline.brevo.contacts())


def _play_a_batch(pipeline: Pipeline) -> None:
    for say, newsletter in (
        (pipeline.subscribe, "weekly"),
        (pipeline.subscribe, "monthly"),
        (pipeline.unsubscribe, "weekly"),
    ):
        for user_id in MANY:
            say(user_id, newsletter)
        pipeline.work()
    assert [pipeline.lists(user_id) for user_id in MANY] == [{7}] * len(MANY)


def _play_an_old_contact(pipeline: Pipeline) -> None:
    pipeline.brevo.add_contacts([{"email": "old@portal.org", "listIds": [9]}])
    pipeline.subscribe("old", "daily")
    pipeline.work()
    assert pipeline.lists("old") == {3, 9}


def _play_an_import(pipeline: Pipeline, folder: Path) -> None:
    def write(*rows: object) -> Path:
        path = folder / "portal.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return path

    Loader(pipeline, write).backfill(*people(40, "daily", "weekly"))
    pipeline.work()
    assert pipeline.lists("u7") == {3, 5}


def _play_a_comparison(pipeline: Pipeline) -> None:
    brevo = pipeline.brevo
    for user_id, act in (("u1", "unsubscribe"), ("u2", "delete")):
        brevo.act(act, f"{user_id}@portal.org")
    brevo.edit("u3@portal.org", {"attributes": {"FIRSTNAME": "Other"}, "unlinkListIds": [3], "listIds": [7]})
    compare(pipeline)
    assert compare(pipeline)


def _play_a_webhook(url: str) -> None:
    desk = WebhookDesk(KEY, base_url=url, patience=PATIENT)
    for hook in ("https://portal.org/old", "https://portal.org/new"):
        install_webhook(desk, Webhook(hook, "ours"), "a-token")
    desk.close()


def find_unspoken(brevo: Sandbox) -> set[str]:
    """Return which kinds of request the sandbox did not get."""
    routes = {f"{request.method} {request.path}" for request in brevo.journal.requests()}
    return {kind for kind in SPOKEN if not any(_is_of(kind, route) for route in routes)}


def _is_of(kind: str, route: str) -> bool:
    wanted, said = kind.split("/"), route.replace("/v3/", "/").split("/")
    return len(wanted) == len(said) and all(word in ("*", heard) for word, heard in zip(wanted, said, strict=True))
