"""What the portal may say: everything else is refused, by the name of the field and without its value."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sync_tasks.domain.events import (
    EVENTS,
    Anonymize,
    Event,
    Held,
    Subscribe,
    Unsubscribe,
    Update,
    is_shown,
    parse_event,
    printable,
)
from sync_tasks.domain.timestamps import moment_of, stamp_of
from sync_tasks.errors import InvalidEventError

SECRET = "Marked-Person"
USER_ID = "user_id: must be 1 to 255 characters without white space"
VALUE = "must be a text of at most 1000 characters, a finite number of at most 15 digits, true, false or null"
NAME = "must be a plain name of at most 64 letters, digits and underscores, a letter first"
ISO = "occurred_at: must be an ISO 8601 text with a zone"
WHOLE: dict[str, dict[str, Any]] = {
    "subscribe_contact": {"user_id": "u1", "newsletter": "daily", "email": "ada@example.com"},
    "update_contact": {"user_id": "u1"},
    "unsubscribe_contact": {"user_id": "u1", "newsletter": "daily"},
    "anonymize_contact": {"user_id": "u1"},
}


def refusal(kind: type[Event], **said: Any) -> str:
    with pytest.raises(InvalidEventError) as caught:
        parse_event(kind, said)
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value).removeprefix(f"{kind.task} refused: ")


@pytest.mark.parametrize("task", EVENTS)
def test_what_is_required_is_enough(task: str) -> None:
    event = parse_event(EVENTS[task], WHOLE[task])
    assert (event.task, event.user_id, event.occurred_at) == (task, "u1", None)


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, said in WHOLE.items() for name in said])
def test_what_is_required_must_be_there(task: str, name: str) -> None:
    said = {other: value for other, value in WHOLE[task].items() if other != name}
    assert refusal(EVENTS[task], **said) == f"{name}: missing"


@pytest.mark.parametrize("task", EVENTS)
def test_an_unknown_argument_is_refused_by_its_name(task: str) -> None:
    assert refusal(EVENTS[task], **WHOLE[task], nickname=SECRET) == "nickname: unknown argument"


def test_a_name_that_is_no_plain_name_is_not_shown() -> None:
    assert refusal(Update, user_id="u1", **{f"{SECRET}@example.com": 1}) == "(unprintable): unknown argument"


def test_all_faults_are_reported_at_once() -> None:
    reported = refusal(Subscribe, user_id="", newsletter="daily", email="nobody", age=9)
    assert reported == f"{USER_ID}; email: not an e-mail address; age: unknown argument"


@pytest.mark.parametrize(
    ("user_id", "why"),
    [
        ("", USER_ID),
        ("  ", USER_ID),
        (f"{SECRET} 1", USER_ID),
        ("two\nlines", USER_ID),
        ("nul\0", USER_ID),
        ("x" * 256, USER_ID),
        (7, "user_id: must be a text"),
        (b"u1", "user_id: must be a text"),
        (None, "user_id: must be a text"),
        (f"{SECRET}@example.com", "user_id: is an e-mail address; pass the portal's own, stable id"),
    ],
)
def test_a_user_id_is_an_id(user_id: object, why: str) -> None:
    assert refusal(Anonymize, user_id=user_id) == why


def test_an_id_of_an_older_release_is_found_unless_it_is_an_address() -> None:
    assert (
        refusal(Held, user_id=f"{SECRET}@example.com")
        == "user_id: is an e-mail address; pass the portal's own, stable id"
    )
    assert parse_event(Held, {"user_id": "+49151234567"}).user_id == "+49151234567"
    assert refusal(Anonymize, user_id="+49151234567")


@pytest.mark.parametrize("user_id", ["1", "ü", "urn:user:7", "x" * 255, "9f0c-4e"])
def test_an_id_may_look_as_the_portal_likes(user_id: str) -> None:
    assert parse_event(Anonymize, {"user_id": user_id}).user_id == user_id


@pytest.mark.parametrize(
    "address",
    [
        "",
        SECRET,
        f"{SECRET}@",
        "@example.com",
        f"{SECRET}@localhost",
        f"{SECRET}@example..com",
        f"{SECRET}@@example.com",
        f"{SECRET} x@example.com",
        f"<{SECRET}@example.com>",
        f"{SECRET}@example.com, b@example.com",
        f"{SECRET}@example.com\nBcc: b@example.com",
        f"{'x' * 65}@example.com",
        f"{SECRET}@{'x' * 240}.com",
    ],
)
@pytest.mark.parametrize("name", ["email", "previous_email"])
def test_an_address_must_look_like_one(name: str, address: str) -> None:
    assert refusal(Update, user_id="u1", **{name: address}) == f"{name}: not an e-mail address"


def test_addresses_are_alike_whatever_their_case_and_the_space_around_them() -> None:
    event = parse_event(Subscribe, WHOLE["subscribe_contact"] | {"email": "  Ada.Lovelace+News@Example.COM\n"})
    assert isinstance(event, Subscribe)
    assert event.email == "ada.lovelace+news@example.com"


@pytest.mark.parametrize("newsletter", ["", "two words", "-daily", "x" * 65, "daily:1"])
def test_a_newsletter_is_a_slug(newsletter: str) -> None:
    reported = refusal(Unsubscribe, user_id="u1", newsletter=newsletter)
    assert reported == "newsletter: must be a slug of at most 64 letters, digits, dots, hyphens and underscores"


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"city": [SECRET]}, f"attributes.city: {VALUE}"),
        ({"city": {"name": SECRET}}, f"attributes.city: {VALUE}"),
        ({"city": float("nan")}, f"attributes.city: {VALUE}"),
        ({"city": "x" * 1001}, f"attributes.city: {VALUE}"),
        ({"city": 10**15}, f"attributes.city: {VALUE}"),
        ({"city": -(10**400)}, f"attributes.city: {VALUE}"),
        ({f"city{number}": 1 for number in range(101)}, "attributes: at most 100"),
        ({f"city{number}": [[[[SECRET]]]] for number in range(4500)}, "attributes: at most 100"),
        ({"city": [1], "age": [2]}, f"attributes.city: {VALUE}; attributes.age: {VALUE}"),
        ({f"{SECRET}@example.com": "x"}, f"attributes.(unprintable): {NAME}"),
        ({"first_name": SECRET}, "attributes.first_name: is an argument of its own"),
        ([SECRET], "attributes: must be an object"),
        (5, "attributes: must be an object"),
    ],
)
def test_an_attribute_that_makes_no_sense_is_one_fault(attributes: object, why: str) -> None:
    assert refusal(Update, user_id="u1", attributes=attributes) == why


@pytest.mark.parametrize("value", ["", "Ulm", "x" * 1000, 0, 3, 2.5, True, False, None])
def test_a_value_keeps_its_kind(value: object) -> None:
    event = parse_event(Update, {"user_id": "u1", "attributes": {"city": value}})
    assert isinstance(event, Update)
    kept = event.fields["city"]
    assert (kept, type(kept)) == (value, type(value))


def test_a_name_left_out_says_nothing_and_an_empty_one_clears_it() -> None:
    event = parse_event(Update, {"user_id": "u1", "first_name": "", "attributes": {"city": None}})
    assert isinstance(event, Update)
    assert event.fields == {"first_name": "", "city": None}


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        ("2026-01-01T00:00:00", "occurred_at: has no zone; give it one, such as Z or +01:00"),
        ("2026-01-01", "occurred_at: has no zone; give it one, such as Z or +01:00"),
        (datetime(2026, 1, 1), "occurred_at: has no zone; give it one, such as Z or +01:00"),  # noqa: DTZ001 - naive on purpose
        (1_767_225_600, ISO),
        ("1767225600", ISO),
        ("20260101", ISO),
        (SECRET, ISO),
        ("1969-12-31T23:59:59Z", "occurred_at: lies before 1970"),
        ("2200-01-01T00:00:00Z", "occurred_at: lies more than 5 minutes in the future by Redis' clock"),
        ("9999-12-31T23:59:59-12:00", "occurred_at: lies more than 5 minutes in the future by Redis' clock"),
    ],
)
def test_a_moment_needs_a_date_and_a_zone(moment: object, why: str) -> None:
    assert refusal(Update, user_id="u1", occurred_at=moment) == why


def test_how_far_ahead_a_moment_lies_is_not_for_this_machine_to_say() -> None:
    said = {"user_id": "u1", "occurred_at": datetime.now(UTC) + timedelta(days=1)}
    assert parse_event(Update, said).occurred_at == said["occurred_at"]


def test_the_last_moment_of_our_time_and_the_first_are_taken() -> None:
    for moment in ("1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z"):
        assert parse_event(Update, {"user_id": "u1", "occurred_at": moment}).occurred_at


def test_a_moment_keeps_its_microseconds_whatever_its_zone() -> None:
    event = parse_event(Update, {"user_id": "u1", "occurred_at": "2026-03-01T12:00:00.123456+05:30"})
    assert event.occurred_at == datetime(2026, 3, 1, 6, 30, 0, 123456, tzinfo=UTC)


def test_stamps_sort_as_time_does_and_lead_back_to_it() -> None:
    moments = [datetime(year, 1, 1, microsecond=7, tzinfo=timezone(timedelta(hours=2))) for year in (1971, 2001, 2026)]
    stamps = [stamp_of(moment) for moment in moments]
    assert stamps == sorted(stamps)
    assert {len(stamp) for stamp in stamps} == {16}
    assert [moment_of(stamp) for stamp in stamps] == moments


@pytest.mark.parametrize(
    ("task", "about", "urgent"),
    [
        ("subscribe_contact", "daily", False),
        ("update_contact", None, False),
        ("unsubscribe_contact", "daily", True),
        ("anonymize_contact", None, True),
    ],
)
def test_opt_outs_and_erasures_are_urgent(task: str, about: str | None, *, urgent: bool) -> None:
    event = parse_event(EVENTS[task], WHOLE[task])
    assert (event.about, event.urgent) == (about, urgent)


def test_an_event_shows_nothing_of_the_person() -> None:
    event = parse_event(Subscribe, WHOLE["subscribe_contact"] | {"first_name": SECRET})
    assert f"{event} {event!r}" == "<subscribe_contact u1> <subscribe_contact u1>"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("user_id", "u1", True),
        ("user_id", "ada@example.com", False),
        ("user_id", 5, False),
        ("newsletter", "daily", True),
        ("newsletter", "ada@example.com", False),
        ("occurred_at", "2026-03-01T12:00:00+00:00", True),
        ("occurred_at", SECRET, False),
        ("email", "u1", False),
        ("first_name", "u1", False),
    ],
)
def test_only_ids_and_moments_that_look_like_it_are_shown(name: str, value: object, *, shown: bool) -> None:
    assert is_shown(name, value) is shown


@pytest.mark.parametrize(("name", "shown"), [("city", "city"), (3, "3"), ("ada@example.com", "(unprintable)")])
def test_only_plain_names_are_printed(name: object, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.parametrize("task", EVENTS)
def test_what_json_carries_is_the_same_event(task: str) -> None:
    said = WHOLE[task] | {"occurred_at": "2026-03-01T12:00:00.000001Z"}
    assert parse_event(EVENTS[task], json.loads(json.dumps(said))) == parse_event(EVENTS[task], said)


PROOF: dict[str, Any] = {"source": "form", "version": "1", "at": "2026-03-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("consent", "why"),
    [
        (SECRET, "consent: must be an object with source, version and at"),
        ({"source": "form", "version": "1"}, "consent.at: missing"),
        (PROOF | {"at": "yesterday"}, "consent.at: must be an ISO 8601 text with a zone"),
        (PROOF | {"source": f"{SECRET}@portal.org"}, "consent.source: must be a text, and without an address"),
        (PROOF | {"version": " "}, "consent.version: must be a text, and without an address"),
        (PROOF | {"source": "x" * 201}, "consent.source: String should have at most 200 characters"),
        (PROOF | {"address": SECRET}, "consent.address: unknown argument"),
    ],
)
def test_a_proof_of_consent_is_whole_and_holds_no_address(consent: object, why: str) -> None:
    assert refusal(Subscribe, **WHOLE["subscribe_contact"], consent=consent) == why


def test_who_requested_an_erasure_is_no_address() -> None:
    reported = refusal(Anonymize, user_id="u1", requested_by=f"{SECRET}@portal.org")
    assert reported == "requested_by: must be a text, and without an address"


def test_a_proof_of_consent_is_in_its_normal_form() -> None:
    event = parse_event(Subscribe, WHOLE["subscribe_contact"] | {"consent": PROOF | {"source": " form "}})
    assert isinstance(event, Subscribe)
    assert event.consent
    assert (event.consent.source, event.consent.at) == ("form", datetime(2026, 3, 1, tzinfo=UTC))
