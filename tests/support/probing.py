"""Probes of the sandbox that hardly wait, and what must be as it was after one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.probe import run
from sync_tasks.probe.cleanup import clean_up
from sync_tasks.probe.run import Probe, ProbeReport
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from sync_tasks.sandbox import Sandbox
from sync_tasks.sync.accounts import AccountAnswers
from tests.support.desk import MARK
from tests.support.pipeline import Pipeline

MAILBOXES = (f"{MARK}+1@portal.org", f"{MARK}+2@portal.org")
_HARDLY = 0.002
_NEVER = Event()
_FIELDS = ("id", "email", "ext_id", "attributes", "listIds", "emailBlacklisted", "name", "processId", "status")


def hardly_wait(seconds: float) -> None:
    """Wait a thousandth of what was asked for, and never long."""
    _NEVER.wait(min(seconds / 1000, _HARDLY))


# What may come instead of a right answer.
WRONG: Mapping[str, Answer] = {
    "404": Answer(404, None, b'{"code": "document_not_found", "message": "not found"}'),
    "400": Answer(400, None, b'{"code": "invalid_parameter", "message": "no"}'),
    "500": Answer(500, None, b""),
    "nulls": Answer(200, None, json.dumps(dict.fromkeys(_FIELDS)).encode()),
    "HTML": Answer(200, None, b"<html>Welcome</html>"),
    "empty": Answer(200, None, b""),
}


class DiedError(BaseException):
    """The process was killed: nothing of it runs any more."""


@dataclass
class Prober:
    """Probes the account of a pipeline."""

    pipeline: Pipeline
    monkeypatch: pytest.MonkeyPatch
    cleaning: bool = False

    @property
    def brevo(self) -> Sandbox:
        return self.pipeline.brevo

    def build(self, **account: Any) -> Probe:
        """Return a probe of the account, which may be configured otherwise."""
        settings = self.pipeline.resources.settings
        changed: Account = settings.accounts["default"].model_copy(update=account)
        settings = settings.model_copy(update={"accounts": {"default": changed}})
        return Probe(self.pipeline.store, settings, "default", MAILBOXES, lambda _: None, hardly_wait)

    def run(self, **account: Any) -> ProbeReport:
        """Probe to the end."""
        return self.build(**account).run()

    def die(self, where: object, method: str, nth: int) -> bool:
        """Probe, and be killed before the nth call of a method; return whether it came to that.

        From then on the method does nothing but fail: nothing is cleared away.
        """
        calls, plain = [0], getattr(where, method)

        def deadly(*args: Any, **said: Any) -> Any:  # noqa: ANN401 - whatever the method returns
            calls[0] += 1
            if calls[0] >= nth:
                raise DiedError
            return plain(*args, **said)

        with self.monkeypatch.context() as patched:
            patched.setattr(where, method, deadly)
            patched.setattr(run, "clean_up", _die)
            try:
                self.run()
            except DiedError:
                return True
        return False

    def answer_wrongly(
        self, which: Callable[[int, Call], bool], answer: Answer | Callable[[Call], Answer], *, applied: bool
    ) -> ProbeReport:
        """Probe while the requests that ``which`` picks, by number and call, get this answer, applied or not."""
        send, asked = Brevo._send, [0]

        def answering(brevo: Brevo, call: Call) -> Answer:
            asked[0] += 1
            if not which(asked[0], call):
                return send(brevo, call)
            if applied:
                send(brevo, call)
            return answer if isinstance(answer, Answer) else answer(call)

        with self.monkeypatch.context() as patched:
            patched.setattr(Brevo, "_send", answering)
            return self.run()

    def watch_cleaning(self) -> None:
        """Note from now on whether a probe cleans up what it made itself."""

        def noting(*args: Any, **said: Any) -> list[str]:
            self.cleaning = True
            try:
                return clean_up(*args, **said)
            finally:
                self.cleaning = False

        self.monkeypatch.setattr(run, "clean_up", noting)

    def let_imports_be_old(self, key: str) -> None:
        """Let the import that a run left behind have begun long ago."""
        redis = self.pipeline.store.redis
        made = json.loads(str(redis.get(key)))
        redis.set(key, json.dumps({**made, "imported": min(made["imported"], 1.0)}))

    def held(self) -> Mapping[str, object]:
        """Return all that the account holds but the moments of changes."""
        account = self.brevo.account
        return {
            "contacts": [replace_moments(one) for one in self.brevo.contacts()],
            "lists": {number: (one.name, list(one.members)) for number, one in account.lists.items()},
            "attributes": sorted(account.attributes),
            "folders": dict(account.folders),
        }

    def answers(self) -> Mapping[str, str]:
        """Return what is known of the account."""
        return AccountAnswers(self.pipeline.store, "default").read()

    def written_down(self) -> list[str]:
        """Return the keys that name what is still to be removed."""
        return list(map(str, self.pipeline.store.redis.scan_iter("sync_tasks:probe_made:*")))


def replace_moments(contact: Mapping[str, object]) -> Mapping[str, object]:
    """Return a contact as it is shown, without when it was changed."""
    return {name: value for name, value in contact.items() if name != "modifiedAt"}


def _die(*_: object, **__: object) -> None:
    raise DiedError


def play(brevo: Sandbox, **quirks: Any) -> None:
    """Let the sandbox play these answers."""
    brevo.quirks = replace(brevo.quirks, **quirks)


World = Callable[[Sandbox], None]
