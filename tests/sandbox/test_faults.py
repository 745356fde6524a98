"""Faults that are switched on at run time: what they do to requests, and to contacts behind their back."""

import pytest

from sync_tasks.sandbox import Sandbox
from sync_tasks.sandbox.wire import Reply
from tests.support.sandbox_clock import Clock


def rename(brevo: Sandbox, contact: int, name: str = "Ann") -> Reply:
    return brevo.request("PUT", f"/contacts/{contact}", {"attributes": {"FIRSTNAME": name}})


def name_of(brevo: Sandbox, contact: int) -> object:
    return brevo.contact(contact)["attributes"]["FIRSTNAME"]  # type: ignore[index]


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 425, 429, 500, 502, 503, 504, 520, 524])
def test_any_status_can_be_answered_in_json_or_as_a_page(
    brevo: Sandbox,
    anna: int,
    status: int,
    html: bool,  # noqa: FBT001
) -> None:
    brevo.add_fault("status", status=status, html=html)

    reply = rename(brevo, anna)

    assert reply.status == status
    assert reply.body.startswith(b"<html>" if html else b"{")
    assert name_of(brevo, anna) == "Anna"


def test_an_injected_429_shows_when_to_come_back(brevo: Sandbox, anna: int) -> None:
    brevo.add_fault("status", status=429)

    assert (b"x-sib-ratelimit-reset", b"1") in rename(brevo, anna).headers


def test_a_gateway_time_out_may_hide_an_effect(brevo: Sandbox, anna: int) -> None:
    brevo.add_fault("status", status=504, html=True, applied=True)

    assert rename(brevo, anna).status == 504
    assert name_of(brevo, anna) == "Ann"


def test_a_body_can_be_something_else_than_utf_8(brevo: Sandbox, anna: int) -> None:
    brevo.add_fault("not_utf8", status=502)

    with pytest.raises(UnicodeDecodeError):
        rename(brevo, anna).body.decode()


def test_a_page_can_come_with_200(brevo: Sandbox, anna: int) -> None:
    brevo.add_fault("html")

    reply = rename(brevo, anna)

    assert (reply.status, reply.body[:9]) == (200, b"<!DOCTYPE")
    assert name_of(brevo, anna) == "Anna"


def test_the_firewall_can_strike_anywhere(brevo: Sandbox, anna: int) -> None:
    brevo.add_fault("waf")

    assert (rename(brevo, anna).status, name_of(brevo, anna)) == (403, "Anna")


@pytest.mark.parametrize(("kind", "name"), [("drop", "Anna"), ("drop_after", "Ann")])
def test_a_connection_can_be_dropped_before_and_after_the_effect(
    brevo: Sandbox, anna: int, kind: str, name: str
) -> None:
    brevo.add_fault(kind)

    assert rename(brevo, anna).dropped
    assert name_of(brevo, anna) == name


def test_an_effect_can_come_late_and_overwrite_what_was_written_since(brevo: Sandbox, anna: int, clock: Clock) -> None:
    brevo.add_fault("late", seconds=5, count=1)
    lost = rename(brevo, anna, "Old")
    rename(brevo, anna, "New")
    clock.pass_seconds(4)
    before = name_of(brevo, anna)
    clock.pass_seconds(1)

    assert lost.dropped
    assert (before, name_of(brevo, anna)) == ("New", "Old")
    late = next(request for request in brevo.journal.requests() if request.late)
    assert (late.number, late.status, late.contact_ids, late.applied) == (1, 0, [anna], clock.now)


def test_a_late_effect_with_a_wrong_key_never_comes(brevo: Sandbox, anna: int, clock: Clock) -> None:
    brevo.add_fault("late")
    brevo.request("DELETE", f"/contacts/{anna}", key=None)
    clock.pass_seconds(1)

    assert brevo.contact(anna)["id"] == anna


def test_a_slow_answer_is_held_back_after_its_effect(brevo: Sandbox, anna: int) -> None:
    brevo.add_fault("slow", seconds=7.5)

    assert (rename(brevo, anna).delay, name_of(brevo, anna)) == (7.5, "Ann")


def test_a_body_can_break_off_and_an_empty_one_takes_the_connection_along(brevo: Sandbox, anna: int) -> None:
    brevo.add_fault("truncated")

    assert rename(brevo, anna).dropped
    assert brevo.request("GET", f"/contacts/{anna}").truncated
    assert name_of(brevo, anna) == "Ann"


def test_a_fault_strikes_only_what_it_is_meant_for_and_only_so_often(brevo: Sandbox, anna: int) -> None:
    fault = brevo.add_fault("status", status=503, method="PUT", path=r"^/v3/contacts/\d+$", count=2)
    statuses = [brevo.request("GET", f"/contacts/{anna}").status, brevo.request("GET", "/contacts/lists").status]
    statuses += [rename(brevo, anna).status for _ in range(3)]

    assert statuses == [200, 200, 503, 503, 204]
    assert fault.hits == 2


def test_the_first_fault_that_strikes_wins_and_faults_go_one_by_one(brevo: Sandbox, anna: int) -> None:
    first = brevo.add_fault("status", status=500)
    brevo.add_fault("status", status=502)
    statuses = [rename(brevo, anna).status]
    brevo.faults.clear(first.id)
    statuses.append(rename(brevo, anna).status)
    brevo.faults.clear()
    statuses.append(rename(brevo, anna).status)

    assert statuses == [500, 502, 204]


def test_a_probability_strikes_some_requests_and_not_others(brevo: Sandbox) -> None:
    fault = brevo.add_fault("status", status=500, probability=0.3)
    for _ in range(300):
        brevo.request("GET", "/contacts")

    assert 50 < fault.hits < 130
    assert brevo.journal.statuses[500] == fault.hits


def test_the_journal_shows_which_fault_struck(brevo: Sandbox, anna: int) -> None:
    brevo.add_fault("status", status=503, count=1)
    rename(brevo, anna)
    rename(brevo, anna)

    assert [(each.fault, each.status) for each in brevo.journal.requests()] == [("503", 503), (None, 204)]


@pytest.mark.parametrize("fields", [{"kind": "earthquake"}, {"kind": "drop", "path": "("}])
def test_a_fault_that_makes_no_sense_is_refused(brevo: Sandbox, fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"kind|path"):
        brevo.add_fault(**fields)


def test_a_fault_with_a_status_that_has_no_body_sends_none(brevo: Sandbox) -> None:
    brevo.add_fault("status", status=204)
    reply = brevo.request("GET", "/account")
    assert (reply.status, reply.body) == (204, b"")
