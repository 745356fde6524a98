"""Both sides change, webhooks come late, twice, in any order or never: after one comparison there is no drift."""

import os
import time
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox.outbox import SentEvent
from sync_tasks.sandbox.wire import ApiRefusal
from sync_tasks.webhooks.recorder import OwnChanges, make_notes, write_notes
from tests.support.pipeline import MakePipeline, Pipeline, address_of
from tests.support.processes import wait_until

USERS = st.sampled_from(["anna", "ben", "cleo"])
MANAGED = {"daily": 3, "weekly": 5}
NEWSLETTERS = st.sampled_from(list(MANAGED))
CALM = Scope(max_changes=100)
EDITS = st.sampled_from(
    [
        {"listIds": [3]},
        {"listIds": [5, 9]},
        {"unlinkListIds": [3]},
        {"attributes": {"FIRSTNAME": "Eve"}},
        {"attributes": {"EMAIL": "moved@portal.org"}},
        {"ext_id": "nobody's"},
    ]
)
# make simulate has its seeds, this its number: EXAMPLES=5000 for the night.
EXAMPLES = int(os.environ.get("EXAMPLES", "40"))
FINAL = frozenset({"bounce", "complain"})


class TwoSides(RuleBasedStateMachine):
    """A portal and Brevo that both go on; workers, webhooks and comparisons come when they come."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self.pipeline = pipeline
        pipeline.store.redis.flushall()
        pipeline.brevo.reset()
        pipeline.waiting.clear()
        self.wished: dict[str, set[str]] = {}
        # Of these no opt-out at Brevo came later.
        self.sure: dict[str, set[str]] = {}
        self.erased: set[str] = set()
        # By contact: what was said at Brevo that no comparison, webhook or newer wish of another kind may undo.
        self.opted_out: dict[int, tuple[str, str]] = {}
        self.reported: list[SentEvent] = []
        self.heard = 0

    @rule(user=USERS, newsletter=NEWSLETTERS)
    def subscribe(self, user: str, newsletter: str) -> None:
        if user in self.erased:
            return
        self.pipeline.subscribe(user, newsletter)
        self.wished.setdefault(user, set()).add(newsletter)
        self.sure.setdefault(user, set()).add(newsletter)
        self.opted_out = {
            contact: said for contact, said in self.opted_out.items() if said[0] != user or said[1] in FINAL
        }

    @rule(user=USERS, newsletter=NEWSLETTERS)
    def unsubscribe(self, user: str, newsletter: str) -> None:
        if user in self.wished:
            self.pipeline.unsubscribe(user, newsletter)
            self.wished[user].discard(newsletter)
            self.sure[user].discard(newsletter)

    @rule(user=USERS, name=st.sampled_from(["Ada", "Grace"]))
    def rename(self, user: str, name: str) -> None:
        if user in self.wished:
            self.pipeline.update(user, first_name=name)

    @precondition(lambda self: self.wished)
    @rule(user=st.sampled_from(["cleo"]))
    def erase(self, user: str) -> None:
        if user in self.wished:
            self.pipeline.anonymize(user)
            del self.wished[user]
            self.erased.add(user)
            self.opted_out = {contact: said for contact, said in self.opted_out.items() if said[0] != user}

    @rule()
    def work(self) -> None:
        self.pipeline.work()

    @rule(user=USERS, change=EDITS)
    def edit_at_brevo(self, user: str, change: dict[str, object]) -> None:
        contact = self._contact(user)
        if contact is None:
            return
        with suppress(ApiRefusal):  # Brevo lets no two have the same address or ext_id
            self.pipeline.brevo.edit(contact, change)
        if change.get("attributes") == {"EMAIL": "moved@portal.org"}:
            # Brevo itself lifts a block then, and nobody may have heard of it.
            self.opted_out.pop(contact, None)

    @rule(user=USERS, act=st.sampled_from(["unsubscribe", "bounce", "complain", "delete"]))
    def act_at_brevo(self, user: str, act: str) -> None:
        contact = self._contact(user)
        if contact is None:
            return
        # Brevo shows moments in milliseconds: an opt-out shall be later than what the portal said before.
        moment = time.time()
        wait_until(lambda: time.time() > moment + 0.001, "a millisecond passes")
        self.pipeline.brevo.act(act, contact)
        if act == "delete":
            self.opted_out.pop(contact, None)
            return
        self.sure[user].clear()
        if self.opted_out.get(contact, ("", ""))[1] not in FINAL:
            self.opted_out[contact] = (user, act)

    @rule(index=st.integers(0, 50), renew_lease=st.booleans())
    def deliver(self, index: int, renew_lease: bool) -> None:  # noqa: FBT001
        """Some event arrives, in whatever order; one that is kept comes again."""
        self._collect()
        if self.reported:
            event = self.reported[index % len(self.reported)]
            own = OwnChanges(key_name="", lists=frozenset(MANAGED.values()))
            write_notes(self.pipeline.store, "default", make_notes([event.payload], own))
            if not renew_lease:
                self.reported.remove(event)

    @rule()
    def compare(self) -> None:
        reconcile(self.pipeline.resources, CALM)

    def _collect(self) -> None:
        new = self.pipeline.brevo.outbox.events_after(self.heard)
        self.heard = new[-1].number if new else self.heard
        self.reported += new

    def _contact(self, user: str) -> int | None:
        """Return the contact at Brevo that is this user's, whatever was changed in it."""
        state = self.pipeline.store.peek(user)
        known = state and state.seen.get("default")
        there = {int(str(held["id"])) for held in self.pipeline.brevo.contacts()}
        return known.id if known and known.id in there else None

    def teardown(self) -> None:
        """Whatever is still on its way is lost."""
        self.pipeline.work()
        reconcile(self.pipeline.resources, CALM)
        self.pipeline.work()
        with self.pipeline.requests() as requests:
            (run,) = reconcile(self.pipeline.resources, CALM)
            self.pipeline.work()
        assert run.found == {}
        assert all(request.startswith("GET ") for request in requests), requests
        for user, wished in self.wished.items():
            self._check(user, {MANAGED[newsletter] for newsletter in wished})

    def _check(self, user: str, lists: set[int]) -> None:
        sure = {MANAGED[newsletter] for newsletter in self.sure[user]}
        held = [held for held in self.pipeline.brevo.contacts() if held.get("ext_id") == user]
        said = [said for contact, said in self.opted_out.items() if said[0] == user]
        assert len(held) <= 1
        for contact in held:
            on = {int(number) for number in contact["listIds"]} - {9}  # type: ignore[attr-defined]
            assert contact["email"] == address_of(user)
            assert on <= lists
            assert contact["emailBlacklisted"] or on >= sure
            assert contact["emailBlacklisted"] or contact["id"] not in self.opted_out, said
        assert held or not sure


def test_after_one_comparison_there_is_no_drift_and_a_second_one_only_reads(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    machine: Any = lambda: TwoSides(pipeline)  # noqa: E731
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        ),
    )
