"""Probes of the sandbox that hardly wait, and what must be as it was after one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import pytest

from sync_tasks.config.settings import Account
from sync_tasks.probe import run
from sync_tasks.probe.run import Probe, ProbeReport
from sync_tasks.sandbox import Sandbox
from sync_tasks.sync.accounts import AccountAnswers
from tests.support.desk import MARK
from tests.support.pipeline import Pipeline

MAILBOXES = (f"{MARK}+1@portal.org", f"{MARK}+2@portal.org")
_HARDLY = 0.002
_NEVER = Event()


def hardly_wait(seconds: float) -> None:
    """Wait a thousandth of what was asked for, and never long."""
    _NEVER.wait(min(seconds / 1000, _HARDLY))


class DiedError(BaseException):
    """The process was killed: nothing of it runs any more."""


@dataclass
class Prober:
    """Probes the account of a pipeline."""

    pipeline: Pipeline
    monkeypatch: pytest.MonkeyPatch

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
