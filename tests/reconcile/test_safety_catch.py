"""Each grave thing that a repair would do to people is counted by itself, and waits for somebody to look."""

from typing import Any

import pytest

from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.reconcile.safety_catch import LEAST, find_excess, most_changes
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline, address_of

LOSES, MOVES, RENAMES, REGAINS = (
    "lose a subscription or be erased",
    "leave a list that a newsletter had before",
    "have another address or ext_id",
    "be subscribed again, created again or no longer blocklisted",
)


@pytest.fixture
def anna(pipeline: Pipeline) -> Pipeline:
    pipeline.subscribe("anna", first_name="Anna")
    pipeline.work()
    return pipeline


@pytest.mark.parametrize(
    ("edit", "grave"),
    [
        ({"attributes": {"EMAIL": "other@portal.org"}}, {RENAMES}),
        ({"ext_id": "somebody"}, {RENAMES}),
        ({"listIds": [7]}, {LOSES}),
        ({"unlinkListIds": [3]}, {REGAINS}),
        ({"unlinkListIds": [3], "listIds": [7]}, {LOSES, REGAINS}),
        ({"attributes": {"FIRSTNAME": "Eve"}}, set()),
        ({}, set()),
    ],
)
def test_what_a_repair_would_do_is_counted_and_refused_by_its_kind(
    anna: Pipeline, brevo: Sandbox, edit: dict[str, Any], grave: set[str]
) -> None:
    brevo.edit(address_of("anna"), edit)
    (run,) = reconcile(anna.resources, Scope(max_changes=0))
    assert {what for what, number in run.grave.items() if number} == grave
    assert bool(run.refused) == bool(grave)
    assert all(f"1 contacts would {what}" in run.refused for what in grave)
    assert run.repaired == int(bool(edit) and not grave)
    if grave:
        (run,) = reconcile(anna.resources, Scope(max_changes=1))
        assert (run.refused, run.repaired) == ("", 1)


def test_a_contact_that_is_gone_would_be_created_again(anna: Pipeline, brevo: Sandbox) -> None:
    brevo.act("delete", address_of("anna"))
    (run,) = reconcile(anna.resources, Scope(max_changes=0))
    assert REGAINS in run.refused


@pytest.mark.parametrize(
    ("compared", "limit", "most"),
    [(0, None, LEAST), (2_549, None, LEAST), (2_550, None, 51), (10_000, None, 200), (10_000, 0, 0), (10, 7, 7)],
)
def test_without_a_limit_some_may_change_or_a_share_of_all(compared: int, limit: int | None, most: int) -> None:
    assert most_changes(compared, limit) == most


def test_each_kind_counts_by_itself_and_the_greatest_names_the_limit() -> None:
    assert find_excess({LOSES: 50, RENAMES: 50}, 50) == ""
    refused = find_excess({LOSES: 51, RENAMES: 60, REGAINS: 50}, 50)
    assert refused.startswith(f"51 contacts would {LOSES} and 60 contacts would {RENAMES}, and 50 may without asking")
    assert "--max-changes 60" in refused
    assert REGAINS not in refused
