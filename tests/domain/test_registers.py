"""The names of registers: each is one kind of thing, and leads back to what it is about."""

import pytest

from sync_tasks.domain import registers

ADDRESS, ERASED = registers.ADDRESS, registers.ERASURE
NAMES = {
    "address": ADDRESS,
    "erasure": ERASED,
    "attribute": registers.attribute("city"),
    "consent": registers.consent("daily"),
    "hint": registers.hint("ada@example.com"),
    "own": registers.subscription("daily"),
    "reported": registers.both_clocks("daily")[1],
    "none": "p:subscribe_contact:daily:1",
}


@pytest.mark.parametrize(
    ("is_so", "kinds"),
    [
        (registers.is_consent, {"consent"}),
        (registers.is_hint, {"hint"}),
        (registers.is_subscription, {"own", "reported"}),
        (registers.is_personal, {"address", "attribute"}),
        (registers.is_kept_when_erased, {"address", "erasure", "hint"}),
        (registers.is_register, set(NAMES) - {"none"}),
    ],
)
def test_a_name_says_what_a_register_is(is_so: object, kinds: set[str]) -> None:
    assert callable(is_so)
    found = {kind: is_so(name) for kind, name in NAMES.items()}
    assert found == {kind: kind in kinds for kind in NAMES}


def test_a_name_leads_back_to_what_it_is_about() -> None:
    names = list(NAMES.values())
    assert registers.hinted([*names, registers.hint("a@example.com")]) == ("a@example.com", "ada@example.com")
    assert registers.newsletters([*names, registers.subscription("weekly")]) == ("daily", "weekly")
    assert list(registers.attributes(names)) == [("a:city", "city")]
    assert registers.both_clocks("daily") == (registers.subscription("daily"), "t:daily")


def test_a_consent_counts_until_an_unsubscription_ended_it() -> None:
    stamp = "0" * registers.STAMP
    held = {
        registers.consent("daily"): f'{stamp}{{"source": "form"}}',
        registers.consent("weekly"): stamp + registers.ENDED,
        registers.subscription("daily"): f"{stamp}s",
    }
    assert list(registers.consents(held)) == [("daily", '{"source": "form"}')]


def test_only_what_the_clock_of_redis_did_not_stamp_is_reported() -> None:
    said = {"n:daily": "s", "c:daily": "~", "address": "ada@example.com"}
    assert registers.by_clock(said, reported=False) == said
    assert registers.by_clock(said, reported=True) == {"t:daily": "s", "c:daily": "~", "address": "ada@example.com"}
