"""A comparison that was killed goes on where it stopped: it asks for what is left, and finds the same drift."""

import sys
from dataclasses import dataclass, replace

import pytest

from sync_tasks.providers import Gateway, RemotePage
from sync_tasks.reconcile.checkpoint import LIFETIME
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.history import read_runs
from sync_tasks.reconcile.repair import repair
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from tests.support.desk import Desk
from tests.support.pipeline import Pipeline, address_of
from tests.support.processes import StartProgram, wait_until
from tests.support.station import SETTLED_WITHIN

# With these the account has three pages.
STRANGERS = 1_000


class KilledError(Exception):
    """Stands for the end of a process."""


@dataclass
class Watched:
    """A gateway that notes from which place on pages were read, and ends the process at one of them."""

    gateway: Gateway
    offsets: list[int]
    last: int

    def read_page(self, offset: int) -> RemotePage:
        if len(self.offsets) == self.last:
            raise KilledError
        page = self.gateway.read_page(offset)
        self.offsets.append(offset)
        return page


def compare(pipeline: Pipeline, pages: int = -1, **how: bool) -> tuple[Comparison, list[int]]:
    """Return a comparison that was killed after so many pages, or else came to its end, and where its pages began."""
    watched = Watched(pipeline.resources.gateways["default"], [], pages)
    context = replace(pipeline.resources, gateways={"default": watched})  # type: ignore[dict-item]
    comparison = Comparison("default", context, **how)  # type: ignore[arg-type]
    if pages < 0:
        comparison.run()
    else:
        with pytest.raises(KilledError):
            comparison.run()
    return comparison, watched.offsets


def strangers(brevo: Sandbox, kind: str, **fields: object) -> None:
    brevo.add_contacts({"email": f"{kind}-{number}@portal.example", **fields} for number in range(STRANGERS))


@pytest.fixture
def drifted(pipeline: Pipeline, brevo: Sandbox) -> Pipeline:
    """A pipeline of whose contacts some differ in every way, on the first page and on the last one."""
    first, last = ("anna", "ben", "cleo", "dora", "emil"), ("zoe", "yves", "xaver")
    for users in (first, last):
        for user in users:
            pipeline.subscribe(user, first_name=user)
            pipeline.unsubscribe(user, "weekly")
        pipeline.work()
        strangers(brevo, users[0])
    brevo.edit(address_of("anna"), {"attributes": {"FIRSTNAME": "Eve"}, "listIds": [5]})
    brevo.edit(address_of("ben"), {"unlinkListIds": [3]})
    brevo.edit(address_of("cleo"), {"attributes": {"EMAIL": "moved@portal.org"}})
    brevo.act("delete", address_of("dora"))
    brevo.act("unsubscribe", address_of("emil"))
    brevo.edit(address_of("zoe"), {"listIds": [5]})
    brevo.act("delete", address_of("yves"))
    brevo.add_contacts([{"email": "stranger@portal.org", "listIds": [3]}])
    return pipeline


def drift_of(comparison: Comparison) -> list[object]:
    """Return everything about the drifts but the moments; of an address or attributes that differ only that they do."""
    reported: list[object] = []
    for drift in comparison.drifts:
        seen = drift.seen and replace(
            drift.seen,
            read_at="",
            address="?" if "address" in drift.kinds else drift.seen.address,
            digest="?" if "attribute" in drift.kinds else drift.seen.digest,
            block=drift.seen.block and replace(drift.seen.block, since=""),
        )
        reported.append(replace(drift, seen=seen))
    return reported


@pytest.mark.parametrize("pages", [1, 2])
def test_only_what_is_left_is_asked_for_and_the_drift_is_the_same(drifted: Pipeline, pages: int) -> None:
    whole, offsets = compare(drifted, dry=True)
    killed, before = compare(drifted, pages=pages)
    resumed, after = compare(drifted)

    assert (before, before + after) == (offsets[:pages], offsets)
    assert (resumed.compared, resumed.resumed, resumed.alone) == (whole.compared, killed.compared, whole.alone)
    assert drift_of(resumed) == drift_of(whole)
    assert len(resumed.drifts) == 8


def test_what_was_found_before_is_repaired_like_the_rest(drifted: Pipeline) -> None:
    compare(drifted, pages=2)
    resumed, _ = compare(drifted)
    repair(resumed, resumed.drifts)
    resumed.memory.forget()
    drifted.work()
    (run,) = reconcile(drifted.resources, Scope(dry_run=True))
    assert run.found == {"unknown contact": 1}
    assert drifted.held("emil")["emailBlacklisted"]


def test_what_the_portal_says_meanwhile_is_newer_than_what_was_found(drifted: Pipeline) -> None:
    compare(drifted, pages=2)
    drifted.unsubscribe("ben")
    drifted.work()
    resumed, _ = compare(drifted)
    repair(resumed, resumed.drifts)
    drifted.work()
    assert drifted.lists("ben") == set()


def test_a_stranger_who_became_a_user_meanwhile_is_no_drift_any_more(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.add_contacts([{"email": address_of("ben"), "listIds": [3]}])
    compare(pipeline, pages=1)
    pipeline.subscribe("ben")
    pipeline.work()
    assert compare(pipeline)[0].drifts == []


def test_what_moved_past_the_place_where_it_stopped_is_found(drifted: Pipeline, brevo: Sandbox) -> None:
    compare(drifted, pages=2)
    for number in range(100):
        brevo.act("delete", f"anna-{number}@portal.example")
    resumed, _ = compare(drifted)
    assert resumed.compared == 2 * STRANGERS + 7
    assert resumed.kinds["missing contact"] == 2


def test_nothing_personal_is_remembered(drifted: Pipeline) -> None:
    compare(drifted, pages=2)
    (key,) = drifted.store.redis.keys("*:comparing:*")
    reported = str(drifted.store.redis.lrange(key, 0, -1))
    known = [drifted.state(user).seen["default"] for user in ("anna", "ben")]
    assert all(seen.digest not in reported for seen in known)
    assert "@" not in reported
    assert 0 < drifted.store.redis.ttl(key) <= LIFETIME


@pytest.mark.parametrize("how", ["dry", "anew", "too old", "done"])
def test_another_comparison_one_long_ago_or_one_that_is_done_is_not_gone_on_with(drifted: Pipeline, how: str) -> None:
    killed, _ = compare(drifted, pages=2)
    if how == "too old":
        drifted.store.redis.delete(*drifted.store.redis.keys("*:comparing:*"))
    if how == "done":
        reconcile(drifted.resources)
    comparison, offsets = compare(drifted, dry=how == "dry", anew=how == "anew")
    assert (comparison.resumed, offsets[0]) == (0, 0)
    assert comparison.compared > killed.compared


def test_a_killed_process_is_gone_on_with_by_the_next_one(
    desk: Desk, brevo: Sandbox, start_program: StartProgram
) -> None:
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    for kind in ("one", "two"):
        strangers(brevo, kind)
    brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
    # Each of the two commands asks first whose account it is.
    slow, before = brevo.add_fault("slow", method="GET", seconds=0.3), brevo.journal.total
    process = start_program([sys.executable, "-m", "sync_tasks", "reconcile"])
    wait_until(lambda: brevo.journal.total == before + 4, "the third page is asked for", SETTLED_WITHIN)
    process.kill()
    brevo.faults.clear(slow.id)
    # As a minute later.
    desk.pipeline.store.redis.delete(desk.pipeline.store.key("reconciling"))

    reported = desk.run("reconcile")

    assert brevo.journal.total == before + 7
    assert "went on at contact 1,991 of the comparison that began" in " ".join(reported.split())
    (run,) = read_runs(desk.pipeline.store)
    assert (run.compared, run.resumed, run.found, run.repaired) == (2_001, 1_990, {"missing on list": 1}, 1)
