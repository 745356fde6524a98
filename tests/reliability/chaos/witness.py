"""A sandbox that remembers more than Brevo would: whose contact each one was."""

from collections import defaultdict
from typing import Any

from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.wire import Reply
from tests.reliability.chaos.plan import Plan

# Kind, fields, and its part of all faults. A 429 holds everybody for a second and a slow answer a thread for ten: few.
FAULTS: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("drop", {}, 4),
    ("drop_after", {}, 4),
    ("truncated", {}, 3),
    ("html", {}, 2),
    ("html", {"applied": True}, 1),
    ("not_utf8", {"status": 500}, 1),
    ("status", {"status": 500}, 2),
    ("status", {"status": 500, "applied": True}, 1),
    ("status", {"status": 502, "html": True}, 1),
    ("status", {"status": 503}, 1),
    ("status", {"status": 504, "html": True, "applied": True}, 1),
    ("status", {"status": 408}, 0.5),
    ("status", {"status": 425}, 0.5),
    ("status", {"status": 429}, 0.3),
    ("slow", {"seconds": 0.5}, 2),
    ("slow", {"seconds": 12.0}, 0.2),
    ("waf", {"count": 10}, 0.2),
    ("status", {"status": 401, "count": 2}, 0.05),
)
ATTRIBUTES = {"DAILY_UNSUBSCRIBED": "boolean", "CITY": "text"}


class Witness(Sandbox):
    """A sandbox that forgets nothing; ``owners`` are the users whose ``ext_id`` each contact has had."""

    def __init__(self, seed: int) -> None:
        self.owners: dict[int, set[str]] = defaultdict(set)
        limits = LimitSettings(enabled=False)
        super().__init__(
            SandboxSettings(
                attributes=ATTRIBUTES,
                limits=limits,
                seed=seed,
                import_seconds=1.0,
                journal_limit=None,
                history_limit=None,
            )
        )

    def handle(self, method: str, path: str, *, query: str = "", body: bytes = b"", key: str | None = None) -> Reply:
        """Answer as ever, and note whose the contacts are that the request touched."""
        with self.lock:
            reply = super().handle(method, path, query=query, body=body, key=key)
            for contact_id in self.journal.latest(1)[0].contact_ids:
                contact = self.account.contacts.get(contact_id)
                if contact and contact.ext_id:
                    self.owners[contact_id].add(contact.ext_id)
            return reply

    def list_owners(self) -> dict[int, list[str]]:
        """Return for each contact the users it has been."""
        with self.lock:
            return {contact_id: sorted(users) for contact_id, users in self.owners.items()}

    def turn_nasty(self, plan: Plan) -> None:
        """Switch all faults on; together they strike the planned part of all requests."""
        left = 1.0
        for kind, fields, part in plan.faults or mix_faults(plan):
            # The first that strikes wins, so the later ones are asked less often.
            self.add_fault(kind, probability=plan.faulty * part / left, **fields)
            left -= plan.faulty * part


def mix_faults(plan: Plan) -> list[tuple[str, dict[str, Any], float]]:
    """Return all kinds of faults, each with its share."""
    parts = sum(part for *_, part in FAULTS)
    usual = [(kind, fields, part / parts * (1 - plan.late_share)) for kind, fields, part in FAULTS]
    late = [("late", {"seconds": seconds}, plan.late_share / len(plan.late)) for seconds in plan.late]
    return [*usual, *late]
