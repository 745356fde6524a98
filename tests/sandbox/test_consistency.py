"""What the sandbox shows agrees with itself, whatever was done: contacts, their lists, counts, and who is found."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.sandbox_clock import Clock


def ask(brevo: Sandbox, path: str, **query: str | int | None) -> Any:  # noqa: ANN401 — it is JSON
    return brevo.request("GET", path, **query).json()  # type: ignore[arg-type]


def _create(brevo: Sandbox, number: int, _some: list[int], lists: list[int]) -> None:
    row = {"email": f"c{number}@portal.org", "ext_id": f"c-{number}", "attributes": {"SMS": f"4915{number}"}}
    brevo.request("POST", "/contacts", {**row, "listIds": lists[:2]})


def _change(brevo: Sandbox, number: int, some: list[int], lists: list[int]) -> None:
    values = {"ext_id": f"u-{number}", "attributes": {"SMS": f"49170{number:07d}", "FIRSTNAME": "Berta"}}
    brevo.request("PUT", f"/contacts/{some[0]}", {**values, "listIds": lists[:1], "unlinkListIds": lists[1:]})


def _skip(brevo: Sandbox, _number: int, some: list[int], _lists: list[int]) -> None:
    held: Any = brevo.contact(some[0])["listIds"]
    if held:
        brevo.act("unsubscribe", some[0], list_id=held[0])


Act = Callable[[Sandbox, int, list[int], list[int]], object]
# Each lets a request or a person change something: of some contacts or the first of them, and of lists.
ACTS: dict[str, Act] = {
    "create": _create,
    "create another": _create,
    "change": _change,
    "skip": _skip,
    "join": lambda brevo, _, some, lists: brevo.request(
        "POST", f"/contacts/lists/{lists[0]}/contacts/add", {"ids": some}
    ),
    "leave": lambda brevo, _, some, lists: brevo.request(
        "POST", f"/contacts/lists/{lists[0]}/contacts/remove", {"ids": some}
    ),
    "move": lambda brevo, number, some, _: brevo.request(
        "PUT", f"/contacts/{some[0]}", {"attributes": {"EMAIL": f"m{number}@portal.org"}}
    ),
    "delete": lambda brevo, _, some, __: brevo.request("DELETE", f"/contacts/{some[0]}"),
    "block": lambda brevo, number, some, _: brevo.request(
        "PUT", f"/contacts/{some[0]}", {"emailBlacklisted": number % 3 != 0}
    ),
    "delete a list": lambda brevo, number, _, lists: (
        len(lists) > 1 and number % 5 == 0 and brevo.request("DELETE", f"/contacts/lists/{lists[0]}")
    ),
}


def act_at_random(brevo: Sandbox, chance: Random) -> None:
    numbers = sorted(brevo.account.contacts)
    some, lists = chance.sample(numbers, min(len(numbers), 3)), sorted(brevo.account.lists)
    chance.shuffle(lists)
    ACTS[chance.choice(sorted(ACTS)) if some else "create"](brevo, chance.randrange(10**6), some, lists)


def check(brevo: Sandbox) -> None:
    """Compare what lists say with what contacts say, and look for each contact in every way."""
    contacts = brevo.contacts()
    assert ask(brevo, "/contacts", limit=1000, sort="asc")["count"] == len(contacts)
    for number in brevo.account.lists:
        on_it = [one for one in contacts if number in one["listIds"]]  # type: ignore[operator]
        shown = ask(brevo, f"/contacts/lists/{number}")
        blocked = sum(bool(one["emailBlacklisted"]) for one in on_it)
        assert (shown["uniqueSubscribers"], shown["totalBlacklisted"]) == (len(on_it), blocked)
        assert shown["totalSubscribers"] == len(on_it) - blocked
        page = ask(brevo, f"/contacts/lists/{number}/contacts", limit=500, sort="asc")
        assert [row["id"] for row in page["contacts"]] == [one["id"] for one in on_it]
    for one in contacts:
        assert not set(one["listIds"]) - set(brevo.account.lists)  # type: ignore[call-overload]
        values: Any = one["attributes"]
        names = {"email_id": one["email"], "ext_id": one["ext_id"], "phone_id": values.get("SMS")}
        for kind, name in names.items():
            found = ask(brevo, f"/contacts/{name}", identifierType=kind) if name else one
            assert found["id"] == one["id"], kind
    assert len(brevo.account.emails) == sum(bool(one["email"]) for one in contacts)
    assert len(brevo.account.ext_ids) == sum(bool(one["ext_id"]) for one in contacts)
    assert len(brevo.account.phones) == sum("SMS" in one["attributes"] for one in contacts)  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(8))
def test_lists_counts_and_indexes_agree_with_the_contacts_whatever_was_done(brevo: Sandbox, seed: int) -> None:
    brevo.quirks.unsubscription_per_list = True
    brevo.request("POST", "/contacts/lists", {"name": "third", "folderId": 1})
    chance = Random(seed)

    for _ in range(12):
        for _ in range(5):
            act_at_random(brevo, chance)
        check(brevo)


CHANGES: dict[str, Callable[[Sandbox, int], object]] = {
    "an attribute": lambda brevo, anna: brevo.request("PUT", f"/contacts/{anna}", {"attributes": {"FIRSTNAME": "B"}}),
    "the same attribute": lambda brevo, anna: brevo.request("PUT", f"/contacts/{anna}", {"attributes": {}}),
    "a join": lambda brevo, anna: brevo.request("POST", "/contacts/lists/5/contacts/add", {"ids": [anna]}),
    "a leave": lambda brevo, anna: brevo.request("POST", "/contacts/lists/3/contacts/remove", {"ids": [anna]}),
    "a list that goes": lambda brevo, _anna: brevo.request("DELETE", "/contacts/lists/3"),
    "an opt-out": lambda brevo, anna: brevo.act("unsubscribe", anna),
    "an opt-out from a list": lambda brevo, anna: brevo.act("unsubscribe", anna, list_id=3),
    "a bounce": lambda brevo, anna: brevo.act("bounce", anna),
    "a complaint": lambda brevo, anna: brevo.act("complain", anna),
    "an edit": lambda brevo, anna: brevo.edit(anna, {"attributes": {"FIRSTNAME": "B"}}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_moves_the_time_of_the_last_change(brevo: Sandbox, anna: int, clock: Clock, change: str) -> None:
    brevo.quirks.unsubscription_per_list = True
    before = brevo.contact(anna)
    clock.pass_seconds(60)

    CHANGES[change](brevo, anna)

    after: Any = brevo.contact(anna)
    since = ask(brevo, "/contacts", modifiedSince=str(before["modifiedAt"]))
    assert after["modifiedAt"] != before["modifiedAt"]
    assert after["createdAt"] == before["createdAt"]
    assert [row["id"] for row in since["contacts"]] == [anna]


def test_what_changes_nothing_leaves_the_time_of_the_last_change(brevo: Sandbox, anna: int, clock: Clock) -> None:
    before = brevo.contact(anna)
    clock.pass_seconds(60)
    brevo.request("POST", "/contacts/lists/3/contacts/add", {"ids": [anna]})
    brevo.request("POST", "/contacts/lists/5/contacts/remove", {"ids": [anna]})

    assert brevo.contact(anna)["modifiedAt"] == before["modifiedAt"]
