"""Each rule of a comparison's course: which accounts, what is refused, what is looked at all the same, what is said."""

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.errors import GatewayUnavailableError, SyncError, UnauthorizedError
from sync_tasks.reconcile import run as module
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.drift import Drift
from sync_tasks.reconcile.history import Run, read_runs
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.reconcile.spot_check import MANY
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline, address_of

TWO = Settings.model_validate(
    {
        "accounts": {"one": {}, "two": {}, "three": {}},
        "newsletters": {
            "daily": {"list_id": 3, "account": "one", "former_list_ids": ["two:8", "one:4"]},
            "weekly": {"list_id": 5, "account": "two"},
        },
    }
)
RUN = Run("default", "1700000000000000", 1.5, False, 3, 0, 0, 1)  # noqa: FBT003 - a record
NEWS, LISTED = Drift(("blocklisted",), "ada"), Drift(("missing on list",), "bea", 7, lists=frozenset({3}))
UNREAD, FORMER = Drift(("unreadable", "waiting"), contact_id=9), Drift(("extra on list",), "cleo", lists=frozenset({4}))


def stub(*drifts: Drift, account: str = "one", compared: int = 0) -> Any:  # noqa: ANN401 - as much of a comparison
    context = SimpleNamespace(settings=TWO)
    return SimpleNamespace(account=account, drifts=[*drifts], context=context, compared=compared)


@pytest.mark.parametrize(
    ("scope", "accounts"),
    [
        (Scope(), ["one", "two", "three"]),
        (Scope(account="two"), ["two"]),
        (Scope(newsletter="daily"), ["one", "two"]),
        (Scope(newsletter="weekly"), ["two"]),
        (Scope(newsletter="daily", account="two"), ["two"]),
        (Scope(newsletter="weekly", account="one"), []),
    ],
)
def test_the_accounts_of_a_scope_are_compared_and_the_first_one_counts(
    monkeypatch: pytest.MonkeyPatch, scope: Scope, accounts: list[str]
) -> None:
    done = list[tuple[str, bool]]()
    monkeypatch.setattr(module, "_reconcile", lambda account, *_, counting: done.append((account, counting)))
    context: Any = SimpleNamespace(mappings=dict.fromkeys(("one", "two", "three")), settings=TWO)
    assert reconcile(context, scope) == [None] * len(accounts)
    assert done == [(account, account == accounts[0]) for account in accounts]


@pytest.mark.parametrize(
    ("account", "slug", "lists"), [("one", "daily", {3, 4}), ("two", "daily", {8}), ("two", "weekly", {5})]
)
def test_a_newsletter_has_its_list_and_those_of_before(account: str, slug: str, lists: set[int]) -> None:
    assert module._lists_of(slug, account, TWO) == lists


def test_only_what_concerns_a_newsletter_and_who_was_not_read_is_left() -> None:
    comparison = stub(NEWS, LISTED, UNREAD, FORMER)
    module._narrow(comparison, TWO, "")
    assert comparison.drifts == [NEWS, LISTED, UNREAD, FORMER]
    module._narrow(comparison, TWO, "daily")
    assert comparison.drifts == [LISTED, UNREAD, FORMER]


def test_each_newsletter_is_shown_with_what_concerns_it() -> None:
    shown = module._by_newsletter(stub(NEWS, LISTED, LISTED, UNREAD, FORMER))
    assert shown == {"daily": {"missing on list": 2, "extra on list": 1}}
    assert module._by_newsletter(stub(LISTED, account="two")) == {"daily": {}, "weekly": {}}


def test_whom_a_class_of_drift_concerns_is_named_by_user_or_number() -> None:
    named = {"blocklisted": ["ada"], "unreadable": ["contact 9"], "waiting": ["contact 9"]}
    assert module._name([NEWS, UNREAD]) == named


@pytest.mark.parametrize(
    ("scope", "losing", "refused"),
    [
        (Scope(), 50, False),
        (Scope(), 51, True),
        (Scope(max_changes=2), 2, False),
        (Scope(max_changes=2), 3, True),
        (Scope(max_changes=0), 1, True),
        (Scope(max_changes=0, approved={"lose a subscription or be erased": 3}), 3, False),
        (Scope(max_changes=0, approved={"lose a subscription or be erased": 3}), 4, True),
        (Scope(max_changes=0, approved={"have another address or ext_id": 3}), 1, True),
    ],
)
def test_more_than_was_allowed_or_approved_is_refused(scope: Scope, losing: int, *, refused: bool) -> None:
    drifts = [Drift(("extra on list",), "ada", loses=True)] * losing
    assert bool(module._refuse(stub(), drifts, scope)) is refused


@pytest.mark.parametrize(("number", "little"), [(0, True), (MANY, True), (MANY + 1, False)])
def test_few_news_are_looked_at_unchecked(number: int, *, little: bool) -> None:
    assert module._has_little_news(stub(*[NEWS] * number, *[LISTED] * 99)) is little


@pytest.mark.parametrize(
    ("error", "scope", "news", "looked"),
    [
        (GatewayUnavailableError("away"), Scope(), 1, 1),
        (GatewayUnavailableError("away"), Scope(dry_run=True), 1, 0),
        (GatewayUnavailableError("away"), Scope(), MANY + 1, 0),
        (UnauthorizedError("key"), Scope(), 1, 0),
    ],
)
def test_what_ended_something_is_looked_at_although_a_comparison_breaks_off(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, error: SyncError, scope: Scope, *, news: int, looked: int
) -> None:
    def break_off(comparison: Comparison) -> None:
        comparison.drifts = [NEWS] * news
        raise error

    looks = list[Comparison]()
    monkeypatch.setattr(Comparison, "run", break_off)
    monkeypatch.setattr(module, "_look_at_news", looks.append)
    (run,) = reconcile(pipeline.resources, scope)
    assert (run.refused, run.grave, run.repaired) == (f"broken off: {error}", {}, 0)
    assert len(looks) == looked


@pytest.mark.parametrize(
    ("scope", "calls", "grave"),
    [
        (Scope(max_changes=0), ["blocks", "erased"], True),
        (Scope(max_changes=0, dry_run=True), [], True),
        (Scope(max_changes=0, newsletter="weekly"), ["blocks", "erased"], False),
        (Scope(max_changes=9), ["repair False"], False),
        (Scope(max_changes=9, remove_unknown=True), ["repair True"], False),
        (Scope(max_changes=9, dry_run=True), [], False),
    ],
)
def test_what_is_refused_is_counted_and_only_looked_at(
    pipeline: Pipeline,
    brevo: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    scope: Scope,
    calls: list[str],
    *,
    grave: bool,
) -> None:
    pipeline.subscribe("anna")
    pipeline.subscribe("anna", "weekly")
    pipeline.unsubscribe("anna", "weekly")
    pipeline.work()
    brevo.edit(address_of("anna"), {"listIds": [5]})
    made = list[str]()
    monkeypatch.setattr(module, "keep_blocks", lambda _: made.append("blocks"))
    monkeypatch.setattr(module, "look_at_erased", lambda _: made.append("erased"))

    def repair(_comparison: object, drifts: list[Drift], *, remove_unknown: bool) -> int:
        made.append(f"repair {remove_unknown}")
        return len(drifts)

    monkeypatch.setattr(module, "repair", repair)
    (run,) = reconcile(pipeline.resources, scope)
    assert (made, bool(run.grave)) == (calls, grave)
    assert (run.repaired, run.losing) == (int("repair" in str(calls)), 1)
    assert pipeline.store.redis.keys("*comparing*") == [], "nothing is left to go on with"


def test_unless_asked_a_comparison_goes_on_repairs_and_names_nobody() -> None:
    plain = Scope()
    assert (plain.dry_run, plain.remove_unknown, plain.anew, plain.users) == (False, False, False, False)
    assert (plain.account, plain.newsletter, plain.max_changes, plain.approved) == ("", "", None, {})


@pytest.mark.parametrize(("counting", "census"), [(True, ["census"]), (False, [])])
def test_pages_are_checked_before_anything_is_counted_or_repaired(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, census: list[str], *, counting: bool
) -> None:
    steps = list[str]()
    owner = SimpleNamespace(check_owner=lambda: steps.append("owner"))
    monkeypatch.setattr(Comparison, "run", lambda _: steps.append("read"))
    for name, step in (("check_pages", "check"), ("keep_census", "census"), ("_narrow", "narrow")):
        monkeypatch.setattr(module, name, lambda *_, step=step: steps.append(step))
    context: Any = replace(pipeline.resources, gateways={"default": owner})
    module._reconcile("default", context, Scope(dry_run=True), lambda *_: None, counting=counting)
    assert steps == ["owner", "read", "check", *census, "narrow"]


def test_a_comparison_that_cannot_begin_came_to_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Comparison) -> None:
        raise UnauthorizedError("key")

    monkeypatch.setattr(Comparison, "run", refuse)
    (run,) = reconcile(pipeline.resources)
    assert (run.compared, run.repaired, run.held, run.grave, run.dry_run) == (0, 0, 0, {}, False)


def test_what_a_run_came_to_is_remembered_with_its_numbers(pipeline: Pipeline, brevo: Sandbox) -> None:
    for user in ("anna", "ben"):
        pipeline.subscribe(user)
    pipeline.work()
    brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
    reported = list[tuple[str, int]]()
    before = int(pipeline.store.now())
    (run,) = reconcile(pipeline.resources, Scope(users=True), lambda *far: reported.append(far))
    assert (run.account, run.compared, run.alone, run.losing, run.repaired) == ("default", 2, 0, 0, 1)
    assert (run.found, run.lists["daily"]) == ({"missing on list": 1}, {"missing on list": 1})
    assert (run.refused, run.resumed, run.held, run.users) == ("", 0, 0, {"missing on list": ["anna"]})
    assert before <= int(run.started) <= int(pipeline.store.now())
    assert 0 <= run.seconds < 60
    assert reported == [("default", 2)]
    (kept,) = read_runs(pipeline.store)
    assert (kept.started, kept.users) == (run.started, {})


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ({}, ["account default: 3 contacts compared, no drift, 1 repaired"]),
        (
            {"found": {"waiting": 1, "attribute": 2}},
            ["account default: 3 contacts compared, 2 attribute, 1 waiting, 1 repaired"],
        ),
    ],
)
def test_a_run_is_one_line_of_the_log(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture, said: dict[str, Any], lines: list[str]
) -> None:
    with caplog.at_level(logging.INFO, "sync_tasks.reconcile"):
        module._report(replace(RUN, **said), pipeline.resources)
    assert caplog.messages == lines


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            {"users": {"unreadable": ["ada", "contact 9"]}},
            "not compared, for Brevo shows them otherwise: ada, contact 9",
        ),
        ({"held": 2}, "2 contacts wait for a person: see `sync-tasks state show`"),
        ({"refused": "too many"}, "the comparison changed nothing: too many"),
    ],
)
def test_what_needs_a_person_is_an_error_in_the_log(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture, said: dict[str, Any], line: str
) -> None:
    module._report(replace(RUN, **said), pipeline.resources)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        f"account default: {line}"
    ]
