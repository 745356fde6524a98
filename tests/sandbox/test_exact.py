"""The sandbox word for word: what it shows, counts and reports, and how it begins."""

from dataclasses import asdict
from typing import Any

from sync_tasks.sandbox import Sandbox, SandboxSettings
from sync_tasks.sandbox.delivery import Pace
from sync_tasks.sandbox.limits import Window, refuse_for_rate
from sync_tasks.sandbox.schedule import Schedule
from sync_tasks.sandbox.settings import IMPORT_SECONDS, LimitSettings, Quirks
from tests.support.sandbox_clock import Clock


def ask(brevo: Sandbox, path: str) -> Any:  # noqa: ANN401
    return brevo.request("GET", path).json()


def test_statistics_hold_all_that_has_happened_in_its_order(brevo: Sandbox, anna: int, clock: Clock) -> None:
    for act in ("unsubscribe", "bounce", "complain"):
        brevo.act(act, anna)
        brevo.request("PUT", f"/contacts/{anna}", {"emailBlacklisted": False})
        clock.pass_seconds(60)
    brevo.request("PUT", f"/contacts/{anna}", {"emailBlacklisted": True})
    brevo.request("PUT", f"/contacts/{anna}", {"emailBlacklisted": True})
    brevo.act("unsubscribe", anna)

    times = [f"2027-01-15T08:0{minute}:00.000Z" for minute in range(4)]
    mails = [{"campaignId": 12, "eventTime": time} for time in times]
    assert ask(brevo, f"/contacts/{anna}")["statistics"] == {
        "unsubscriptions": {
            "userUnsubscription": [mails[0] | {"ip": "192.0.2.1"}, mails[3] | {"ip": "192.0.2.1"}],
            "adminUnsubscription": [{"eventTime": times[3]}],
        },
        "hardBounces": [mails[1]],
        "complaints": [mails[2]],
    }
    brevo.quirks.statistics_left_out = True
    assert "statistics" not in ask(brevo, f"/contacts/{anna}")


def test_the_account_is_shown_as_brevo_shows_one(brevo: Sandbox) -> None:
    shown = ask(brevo, "/account")

    assert shown.pop("organization_id") == brevo.account.organization
    assert shown == {
        "user_id": 1,
        "enterprise": False,
        "companyName": "Sandbox",
        "email": "owner@sandbox.example",
        "firstName": "Sand",
        "lastName": "Box",
        "address": {"street": "1 Beach Road", "city": "Sandtown", "zipCode": "00000", "country": "Nowhere"},
        "dateTimePreferences": {"timezone": "UTC", "timeFormat": "24", "dateFormat": "yyyy-mm-dd"},
        "plan": [{"type": "free", "creditsType": "sendLimit", "credits": 300}],
        "relay": {
            "enabled": False,
            "data": {"userName": "owner@sandbox.example", "relay": "smtp.sandbox.example", "port": 587},
        },
    }


def test_what_is_played_by_default_is_the_less_pleasant(brevo: Sandbox) -> None:
    assert brevo.quirks == Quirks()
    assert {name for name, value in asdict(Quirks()).items() if value is True} == {
        "email_change_lifts_blocklist",
        "email_change_lifts_blocklist_even_if_sent",
        "import_lifts_blocklist",
        "import_drops_booleans",
        "import_joins_existing",
        "import_merges_phones",
        "unlink_non_member_is_refused",
        "null_clears",
        "empty_clears_texts",
        "address_look_finds",
        "ext_id_look_finds",
        "ids_look_finds",
        "unsubscription_per_list",
        "unicode_domains_refused",
        "unicode_local_parts_refused",
        "phone_numbers_checked",
        "empty_number_refused",
        "rate_limit_reset_told",
    }
    assert {name: value for name, value in asdict(Quirks()).items() if not isinstance(value, bool)} == {
        "import_outcome": "completed",
        "ext_id_shown": "attribute",
        "values_kept": "phones_as_digits",
        "duplicate_code_on_create": "duplicate_parameter",
        "duplicates_named": "in_words",
        "get_id_status_on_update": 201,
        "missing_list_status": 400,
        "rate_limit_body": "json",
        "too_early_seconds": 0.0,
        "list_add_blind_seconds": 0.0,
    }


def test_a_sandbox_begins_with_ten_lists_and_the_limits_of_every_account() -> None:
    settings = SandboxSettings()

    assert settings.lists == {number: f"List {number}" for number in range(1, 11)}
    assert settings.limits == LimitSettings(
        enabled=True, contacts_per_second=10, contacts_per_hour=36_000, others_per_hour=100
    )
    assert (settings.owner_email, settings.organization) == ("owner@sandbox.example", "")
    assert (settings.journal_limit, settings.history_limit, settings.outbox_limit) == (10_000, 100_000, 10_000)
    assert IMPORT_SECONDS == (1.0, 60.0)
    assert Pace() == Pace(300.0, (600.0, 3600.0, 7200.0, 28_800.0), 10.0)
    assert "a-key" not in repr(SandboxSettings(accepted_keys=frozenset({"a-key"})))


def test_lists_contacts_and_folders_are_numbered_from_one_and_a_first_folder_is_there() -> None:
    brevo = Sandbox(SandboxSettings(lists={}, limits=LimitSettings(enabled=False)))
    answers = [
        brevo.request("POST", "/contacts/folders", {"name": "News"}).json(),
        brevo.request("POST", "/contacts/lists", {"name": "daily", "folderId": 1}).json(),
        brevo.request("POST", "/contacts", {"email": "a@portal.org"}).json(),
    ]

    assert answers == [{"id": 2}, {"id": 1}, {"id": 1}]


def test_a_window_counts_down_and_says_when_it_ends() -> None:
    window = Window(60, 3)
    names = ("limit", "remaining", "reset")

    def shown(now: float) -> tuple[int, ...]:
        left, headers = window.left(now), dict(window.headers(now))
        assert left == int(headers[b"x-sib-ratelimit-remaining"])
        return tuple(int(headers[f"x-sib-ratelimit-{name}".encode()]) for name in names)

    assert shown(120.0) == (3, 3, 60)
    window.used += 2
    assert [shown(120.5), shown(179.0), shown(179.9)] == [(3, 1, 60), (3, 1, 1), (3, 1, 1)]
    assert shown(180.0) == (3, 3, 60)


def test_a_refusal_for_the_rate_comes_in_three_ways() -> None:
    headers = ((b"x", b"1"),)
    shown = [
        (one.status, one.body, one.headers)
        for one in (refuse_for_rate(body, headers) for body in ("json", "html", "empty"))
    ]

    assert shown == [
        (429, b'{"code":"too_many_requests","message":"Rate limit exceeded"}', headers),
        (429, b"<html><body><h1>429 Too Many Requests</h1></body></html>", headers),
        (429, b"", headers),
    ]


def test_what_is_scheduled_happens_once_in_its_order_when_it_is_due() -> None:
    schedule, done = Schedule(), list[str]()
    for due, what in ((2.0, "b"), (1.0, "a"), (2.0, "c"), (3.0, "d")):
        schedule.add(due, lambda what=what: done.append(what))  # type: ignore[misc]
    seen = []
    for now in (0.9, 1.0, 1.9, 2.0, 2.5):
        schedule.run_due(now)
        seen.append("".join(done))

    assert (seen, len(schedule)) == (["", "a", "a", "abc", "abc"], 1)


def test_reports_are_word_for_word_as_brevo_sends_them(brevo: Sandbox, anna: int, clock: Clock) -> None:
    hook = {"url": "https://portal.org/brevo", "type": "marketing", "events": ["unsubscribed", "hardBounce", "spam"]}
    brevo.request("POST", "/webhooks", hook)
    brevo.request("POST", "/contacts/lists/5/contacts/add", {"ids": [anna]})
    for act in ("unsubscribe", "unsubscribe", "bounce", "complain", "delete"):
        brevo.act(act, anna)
        clock.pass_seconds(1)

    def payload(number: int, event: str, second: int, **more: object) -> dict[str, object]:
        base = {"id": number, "event": event, "email": "anna@portal.org", "date": f"2027-01-15 08:00:0{second}"}
        return base | {"ts": 1_800_000_000 + second} | more

    old = {"campaign name": "News", "date_event": "2027-01-15 08:00:00", "ts_sent": 1_799_999_940}
    assert [event.payload for event in brevo.outbox.events()] == [
        payload(0, "list_addition", 0, list_id=[3]),
        payload(0, "list_addition", 0, list_id=[5]),
        payload(1, "unsubscribed", 0, camp_id=12, list_id=[3, 5], **old, ts_event=1_800_000_000, ts=1_800_003_600),
        payload(1, "unsubscribe", 1, camp_id=12, list_id=[3, 5], campaign_name="News"),
        payload(1, "hard_bounce", 2, camp_id=12, reason="unknown user"),
        payload(1, "complaint", 3, camp_id=12),
        payload(0, "contact_deleted", 4, email=["anna@portal.org"], date="2027-01-15T08:00:04+00:00"),
    ]
    assert [event.number for event in brevo.outbox.events_after(5)] == [6, 7]
    assert [event.kind for event in brevo.outbox.events_after(4)] == ["hardBounce", "spam", "contactDeleted"]
