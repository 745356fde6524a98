"""What befell many contacts alike is made right for many in one request, after everything that the portal asks for."""

from typing import Any

import pytest

from sync_tasks.domain.events import Unsubscribe, Update
from sync_tasks.domain.priority import Priority, priority_of
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.reconcile import repair as repairs
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of

PEOPLE = [f"user-{number}" for number in range(24)]
IMPORT = "POST /v3/contacts/import"


@pytest.fixture
def readers(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """Two dozen people who read the weekly newsletter, and a batch at each request."""
    brevo.settings.import_seconds = SHORT / 3
    batched = make_pipeline(BatchingLimiter)
    for user_id in PEOPLE:
        batched.subscribe(user_id, "weekly")
    batched.work()
    return batched


def repair(readers: Pipeline) -> list[str]:
    """Compare, let the workers repair, and return the requests these made."""
    reconcile(readers.resources)
    with readers.requests() as requests:
        readers.work()
    return requests


@pytest.mark.parametrize(
    ("edit", "call"), [({"unlinkListIds": [5]}, "lists/5/contacts/add"), ({"listIds": [7]}, "lists/7/contacts/remove")]
)
def test_one_list_call_puts_everybody_right_who_was_moved_by_hand(
    readers: Pipeline, brevo: Sandbox, edit: dict[str, object], call: str
) -> None:
    for user_id in PEOPLE:
        readers.subscribe(user_id, "monthly")
        readers.unsubscribe(user_id, "monthly")
    readers.work()
    for user_id in PEOPLE:
        brevo.edit(address_of(user_id), edit)

    assert repair(readers) == [f"POST /v3/contacts/{call}"]

    assert [readers.lists(user_id) for user_id in PEOPLE] == [{5}] * len(PEOPLE)
    assert repair(readers) == []


def test_one_import_brings_everybody_back_who_was_deleted(readers: Pipeline, brevo: Sandbox) -> None:
    for user_id in PEOPLE:
        brevo.act("delete", address_of(user_id))

    requests = repair(readers)

    assert requests.count(IMPORT) == 1
    assert "POST /v3/contacts" not in requests
    assert [readers.lists(user_id) for user_id in PEOPLE] == [{5}] * len(PEOPLE)


def test_an_opt_out_that_comes_in_between_wins(readers: Pipeline, brevo: Sandbox) -> None:
    for user_id in PEOPLE:
        brevo.edit(address_of(user_id), {"unlinkListIds": [5]})
    reconcile(readers.resources)
    readers.unsubscribe("user-7", "weekly")
    assert readers.store.redis.zcard(readers.store.key("pending:repair:default:join:5")) == len(PEOPLE)

    readers.work()

    left = [user_id for user_id in PEOPLE if readers.lists(user_id) == set()]
    assert left == ["user-7"]


def test_repairs_go_after_everything_that_the_portal_asks_for(readers: Pipeline, brevo: Sandbox) -> None:
    brevo.edit(address_of("user-0"), {"attributes": {"FIRSTNAME": "Eve"}})
    readers.update("user-0", first_name="Ada")
    readers.work()
    brevo.edit(address_of("user-0"), {"attributes": {"FIRSTNAME": "Eve"}})
    reconcile(readers.resources)
    limiter = readers.resources.limiter
    assert isinstance(limiter, BatchingLimiter)
    limiter.granted.clear()

    readers.work()

    # The repair, and the look at what Brevo made of it.
    assert limiter.granted == [Priority.BACKGROUND] * 2
    assert readers.held("user-0")["attributes"]["FIRSTNAME"] == "Ada"
    readers.store.accept(Update(user_id="user-0", first_name="Ada Mae"))
    assert priority_of(readers.state("user-0")) is Priority.ORDINARY
    readers.store.accept(Unsubscribe(user_id="user-0", newsletter="monthly"))
    assert priority_of(readers.state("user-0")) is Priority.URGENT


def bring_back(readers: Pipeline, brevo: Sandbox) -> list[int]:
    """Erase everybody, let somebody write their data into their contacts again, and return the ids of these."""
    for user_id in PEOPLE:
        readers.anonymize(user_id)
    readers.work()
    ids = [int(str(contact["id"])) for contact in brevo.contacts()]
    for number, contact_id in enumerate(ids):
        back = {"EMAIL": f"back-{number}@portal.org", "FIRSTNAME": "Ada", "VISITS": 3}
        brevo.edit(contact_id, {"attributes": back, "listIds": [5], "emailBlacklisted": False})
    return ids


def left_of(brevo: Sandbox) -> list[object]:
    """Return what is left of each: the kind of address, names, lists and the block."""
    held: list[tuple[dict[str, object], Any]] = [(one, one["attributes"]) for one in brevo.contacts()]
    return [
        ("@deleted." in str(one["email"]), of["FIRSTNAME"], of.get("VISITS"), one["listIds"], one["emailBlacklisted"])
        for one, of in held
    ]


@pytest.mark.parametrize("lifted", [True, False], ids=["a new address lifts the block", "the block stays"])
def test_erased_people_who_are_back_are_looked_at_twenty_in_a_request(
    readers: Pipeline, brevo: Sandbox, *, lifted: bool
) -> None:
    brevo.quirks.email_change_lifts_blocklist_even_if_sent = lifted
    brevo.quirks.empty_clears_all = True
    bring_back(readers, brevo)

    with readers.requests() as requests:
        (run,) = reconcile(readers.resources, Scope(max_changes=100))

    assert run.found == {"erased person": len(PEOPLE)}
    assert left_of(brevo) == [(True, "DELETED", None, [], True)] * len(PEOPLE)
    writes = len(PEOPLE) * (2 if lifted else 1)
    assert requests.count("PUT /v3/contacts/{id}") == writes
    assert len(requests) <= writes + 10, requests


@pytest.mark.parametrize("trouble", ["number not cleared", "ids ignored", "no ext_id", "refused", "gone"])
def test_whom_such_a_look_is_not_enough_for_is_erased_alone(
    readers: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    brevo.quirks.empty_clears_all = trouble != "number not cleared"
    brevo.quirks.ids_look_finds = trouble != "ids ignored"
    ids = bring_back(readers, brevo)
    if trouble == "no ext_id":
        brevo.quirks.ext_id_shown = "nowhere"
    if trouble == "refused":
        brevo.add_fault("status", status=400, method="PUT", path=f"/{ids[3]}$", count=1)
    if trouble == "gone":
        read = Operations.read_several
        monkeypatch.setattr(
            Operations,
            "read_several",
            lambda gateway, some: {k: v for k, v in read(gateway, some).items() if k != ids[3]},
        )

    reconcile(readers.resources, Scope(max_changes=100))

    assert left_of(brevo) == [(True, "DELETED", None, [], True)] * len(PEOPLE)


@pytest.mark.parametrize("shown", ["attribute", "nowhere"], ids=["with ext_id", "without"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "alone"])
def test_whose_contact_somebody_has_taken_over_meanwhile_keeps_it(
    readers: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch, shown: str, *, together: bool
) -> None:
    """A comparison takes minutes: from its pages to its repairs a user may have moved to the address."""
    brevo.quirks.ids_look_finds = together
    ids = bring_back(readers, brevo)
    brevo.quirks.ext_id_shown = shown  # type: ignore[assignment]

    def subscribe_first(*arguments: Any, **options: Any) -> int:
        readers.subscribe("eva", "weekly", email="back-3@portal.org")
        readers.work()
        return repairs.repair(*arguments, **options)

    monkeypatch.setattr("sync_tasks.reconcile.run.repair", subscribe_first)
    reconcile(readers.resources, Scope(max_changes=100))

    assert "back-3@portal.org" in {contact["email"] for contact in brevo.contacts()}
    assert readers.lists("eva") == {5}
    others = [one for one in brevo.contacts() if one["id"] in ids and one["email"] != "back-3@portal.org"]
    assert all("@deleted." in str(one["email"]) for one in others)


def test_whose_contact_nobody_knew_keeps_its_lists_if_somebody_has_taken_it_over_meanwhile(
    readers: Pipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("eva", "otto"):
        brevo.request("POST", "/contacts", {"email": f"{name}@portal.org", "listIds": [5]})

    def subscribe_first(*arguments: Any, **options: Any) -> int:
        readers.subscribe("eva", "weekly", email="eva@portal.org")
        readers.work()
        return repairs.repair(*arguments, **options)

    monkeypatch.setattr("sync_tasks.reconcile.run.repair", subscribe_first)
    reconcile(readers.resources, Scope(max_changes=100, remove_unknown=True))

    left = {str(one["email"]): one["listIds"] for one in brevo.contacts() if one["email"] not in PEOPLE}
    assert (left["eva@portal.org"], left["otto@portal.org"]) == ([5], [])
