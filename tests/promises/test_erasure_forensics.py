"""A night after an erasure nobody finds the person: in no key, file, log line, temporary folder or process list."""

import base64
import json
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from sync_tasks.backfill.import_contacts import Importing
from sync_tasks.backfill.load import load
from sync_tasks.backfill.rows import Row
from sync_tasks.config.settings import Account, Settings
from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.events import Subscribe
from sync_tasks.domain.news import Notice
from sync_tasks.errors import InvalidEventError
from sync_tasks.local.redis_server import EmbeddedRedis
from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.server import ServedSandbox
from sync_tasks.state.connection import connect
from sync_tasks.state.consents import read_consents
from sync_tasks.state.dead_letters import put_letter, write_letter
from sync_tasks.state.posts import put_post
from sync_tasks.state.secret import put_in_force
from sync_tasks.state.store import Store
from sync_tasks.tasks import nightly
from sync_tasks.tasks.foreign import receive_event
from sync_tasks.webhooks.recorder import OwnChanges, make_notes, write_notes
from tests.support.loading import AS_OF, IMPORT, Meddling
from tests.support.pipeline import SETTINGS, Pipeline, build_resources
from tests.support.processes import wait_until
from tests.support.receiving import unsubscription

ID = "marked-user-4711"
PERSONAL = ("marked.person@portal.org", "former.marked@portal.org", "Markédname", "Markedville")
PROOF = {"source": "form", "version": "1", "at": "2026-03-01T00:00:00Z"}
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "upper case": lambda mark: mark.upper().encode(),
    "UTF-16": lambda mark: mark.encode("utf-16-le"),
    "Latin-1": lambda mark: mark.encode("latin-1"),
    "hexadecimal": lambda mark: mark.encode().hex().encode(),
    "base64": lambda mark: base64.b64encode(mark.encode())[:-4],
    "base64, one byte on": lambda mark: base64.b64encode(b" " + mark.encode())[4:-4],
    "base64, two bytes on": lambda mark: base64.b64encode(b"  " + mark.encode())[4:-4],
    "URL": lambda mark: urllib.parse.quote(mark).encode(),
    "JSON": lambda mark: json.dumps(mark)[1:-1].encode(),
    "backwards": lambda mark: mark[::-1].encode(),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server of its own, whose files lie open."""
    with EmbeddedRedis(tmp_path / "redis", appendfsync="always") as server:
        yield server


@pytest.fixture
def lived(server: EmbeddedRedis, served: ServedSandbox, brevo: Sandbox) -> Iterator[Pipeline]:
    """A pipeline in which the person came by every path and is erased."""
    account = Account(base_url=served.url, requests_per_second=1000, api_key="key")  # type: ignore[arg-type]
    settings = Settings.model_validate({**SETTINGS, "accounts": {"default": account}})
    store = Store(connect(server.url), "sync_tasks", secrets=["s" * 32])
    pipeline = Pipeline(build_resources(settings, store, Meddling, sure=False), brevo)
    put_in_force(store)
    live(pipeline)
    yield pipeline
    pipeline.close()


def live(pipeline: Pipeline) -> None:
    address, former, name, city = PERSONAL
    pipeline.subscribe("zoe")
    row = Row(user_id=ID, email=former, first_name=name, newsletters={"daily": True})
    many = [Row(user_id=f"u{n}", email=f"u{n}@portal.org", newsletters={"daily": True}) for n in range(12)]
    assert load([row, *many], AS_OF, pipeline.store) == {"loaded": 13}
    with pipeline.requests() as requests:
        Importing(pipeline.resources).run()
    assert IMPORT in requests
    assert pipeline.held(ID)["attributes"]["FIRSTNAME"] == name
    pipeline.subscribe(ID, email=former, first_name=name, attributes={"city": city}, consent=PROOF)
    pipeline.work()
    pipeline.update(ID, email=pipeline.held("zoe")["email"])
    pipeline.work()
    pipeline.update(ID, email=address)
    pipeline.subscribe(ID, "no-such-newsletter")
    whole = {"user_id": ID, "newsletter": "weekly", "email": address, "occurred_at": "2026-01-01T00:00:00Z"}
    receive_event(pipeline.store, Subscribe, whole, "task-1")
    pipeline.work()
    malformed = EventKey("subscribe_contact", "daily", "")
    put_letter(
        pipeline.store, write_letter(ID, malformed, InvalidEventError("refused"), pipeline.store.now(), "task-2")
    )
    write_notes(pipeline.store, "default", make_notes([unsubscription(address)], OwnChanges("", frozenset({3}))))
    pipeline.work()
    hint = pipeline.store.key("pending:repair:default:leave:3")
    pipeline.store.redis.zadd(hint, {ID: 1})
    pipeline.store.redis.expire(hint, 86400)
    pipeline.store.redis.zadd(pipeline.store.key("notices"), {Notice(ID, "default", "ended", "x", "1" * 16).wire: 1})
    put_post(pipeline.store, {"data": {"user_id": ID}})
    pipeline.anonymize(ID)
    pipeline.work()
    assert pipeline.store.is_erased(ID)


def sleep_over_it(pipeline: Pipeline) -> None:
    nightly.clean_up(pipeline.store, lambda: False)


def find(texts: dict[str, bytes], marks: tuple[str, ...]) -> list[str]:
    """Return where a mark is found, and in which spelling."""
    spelt = [(f"{how}: {mark[:3]}…", spell(mark)) for mark in marks for how, spell in ENCODINGS.items()]
    return sorted({f"{where} ({how})" for where, text in texts.items() for how, word in spelt if word in text})


def read_keys(store: Store) -> dict[str, bytes]:
    """Return what each key holds, without Redis' compression."""
    store.redis.config_set("rdbcompression", "no")
    raw = connect_raw(store)
    return {f"key {name.decode()}": name + (raw.dump(name) or b"") for name in raw.scan_iter()}


def read_slow_log(store: Store) -> dict[str, bytes]:
    """Return the commands that Redis kept because they were slow, with their arguments."""
    return {"slow log": b" ".join(entry["command"] for entry in connect_raw(store).slowlog_get(10_000))}


def connect_raw(store: Store):  # type: ignore[no-untyped-def]  # noqa: ANN201 - a client that decodes nothing
    from redis import Redis

    reported = store.redis.connection_pool.connection_kwargs
    return Redis(host=reported["host"], port=reported["port"], db=reported["db"])


def read_files(*folders: Path) -> dict[str, bytes]:
    paths = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {f"file {path.name}": path.name.encode() + path.read_bytes() for path in paths}


def read_processes() -> dict[str, bytes]:
    return {"process list": subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, check=True).stdout}  # noqa: S607 - wherever it is


def look_everywhere(pipeline: Pipeline, server: EmbeddedRedis, log: str, tmp_path: Path) -> list[str]:
    """Return every place in which the person is found; the log may name the id, nothing else."""
    everything = (
        read_keys(pipeline.store) | read_slow_log(pipeline.store) | read_files(server.data, tmp_path) | read_processes()
    )
    brevo = {"Brevo": json.dumps(pipeline.brevo.contacts(), ensure_ascii=False).encode()}
    return find(everything | brevo, (ID, *PERSONAL)) + find({"log": log.encode()}, PERSONAL)


def test_nobody_finds_an_erased_person_after_a_night(
    lived: Pipeline, server: EmbeddedRedis, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    assert [where for where in look_everywhere(lived, server, caplog.text, tmp_path) if where.startswith("file")]
    sleep_over_it(lived)
    look = partial(look_everywhere, lived, server, caplog.text, tmp_path)
    # Redis removes the old file a moment after the new one is complete.
    with suppress(AssertionError):
        wait_until(lambda: not look(), "nothing is found")
    assert look() == []
    # The proof of consent is still there, and is found by whoever knows both the id and the secret.
    assert [one.source for one in read_consents(lived.store, ID, None)] == ["form"]


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("rewrite", "file"),
        ("forget_traces", "key sync_tasks:notices"),
    ],
)
def test_it_is_found_if_the_night_leaves_out(  # noqa: PLR0917 - fixtures
    lived: Pipeline, server: EmbeddedRedis, part: str, found: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(nightly, part, lambda *_, **__: "nothing")
    sleep_over_it(lived)
    assert any(where.startswith(found) for where in look_everywhere(lived, server, "", tmp_path))


def test_it_is_found_if_redis_keeps_slow_commands(
    server: EmbeddedRedis, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with connect(server.url) as client:
        client.config_set("slowlog-max-len", 10_000)
        client.config_set("slowlog-log-slower-than", 0)
    lived = request.getfixturevalue("lived")
    sleep_over_it(lived)
    found = look_everywhere(lived, server, "", tmp_path)
    assert "slow log" in {where.partition(" (")[0] for where in found}


CUT = {
    "history": ("key('history:' .. user), contact_key(user))", "contact_key(user))", "key sync_tasks:history"),
    "letters": ("  forget_letters(user)\n", "", "key sync_tasks:closed_letters"),
    "the contact": (
        "key('history:' .. user), contact_key(user))",
        "key('history:' .. user))",
        "key sync_tasks:contacts",
    ),
}


@pytest.mark.parametrize("part", CUT)
def test_it_is_found_if_the_tombstone_leaves(
    part: str,
    server: EmbeddedRedis,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    old, new, found = CUT[part]
    read_text = Path.read_text

    def cut(path: Path, *args: str, **kwargs: str) -> str:
        text = read_text(path, *args, **kwargs)
        return text.replace(old, new) if path.name == "settle.lua" else text

    monkeypatch.setattr(Path, "read_text", cut)
    monkeypatch.setattr(nightly, "forget_traces", lambda _: 0)
    lived = request.getfixturevalue("lived")
    monkeypatch.undo()
    assert any(where.startswith(found) for where in look_everywhere(lived, server, "", tmp_path))
