"""A portal is loaded: rows into the state, contacts to Brevo in as few requests as it takes."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from sync_tasks.backfill.loaded_contacts import hand_over, read_users
from sync_tasks.config.settings import Account
from sync_tasks.domain.batching import import_size
from sync_tasks.domain.diff import NewContact
from sync_tasks.domain.priority import Priority
from sync_tasks.providers.brevo import requests as calls
from sync_tasks.providers.brevo.limits import CAPABILITIES
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.rate_limits.patience import PatientGate
from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from sync_tasks.sandbox.server import serving
from tests.support.fixtures import WriteRows
from tests.support.loading import AS_OF, IMPORT, PAGE, KilledError, Loader, Meddling, die, people, person
from tests.support.pipeline import MakePipeline, address_of, know

LISTS = frozenset({3, 5})


def test_a_portal_is_loaded_with_one_import_for_each_set_of_lists(loader: Loader) -> None:
    rows = [*people(20), *(person(number, "daily", "weekly") for number in range(20, 40))]
    with loader.pipeline.requests() as requests:
        became = loader.backfill(*rows)
    assert became == {"loaded": 40, "imported": 40, "imports": 2, "pages": 1}
    assert requests == [IMPORT, IMPORT, PAGE]
    assert (loader.pipeline.lists("u0"), loader.pipeline.lists("u39")) == ({3}, {3, 5})
    assert not loader.dirty
    seen = loader.pipeline.state("u39").seen["default"]
    assert (seen.id, set(seen.lists)) == (loader.pipeline.held("u39")["id"], {3, 5})


def test_a_second_load_makes_no_request(loader: Loader) -> None:
    loader.backfill(*people(20))
    with loader.pipeline.requests() as requests:
        assert loader.backfill(*people(20)) == {"unchanged": 20}
        loader.work()
    assert requests == []


def test_one_row_for_each_subscription_is_one_contact(loader: Loader) -> None:
    became = loader.backfill(*people(6, "daily"), *people(6, "weekly"))
    assert (became["loaded"], became["imported"], became["imports"]) == (12, 6, 1)
    assert loader.pipeline.lists("u5") == {3, 5}


def test_an_import_is_as_large_as_allowed(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Operations, "capabilities", replace(CAPABILITIES, import_bytes=3_200))
    loader.load_rows(*people(60))
    with loader.pipeline.requests() as requests:
        assert loader.bring()["imported"] == 58
    assert requests == [IMPORT, IMPORT, PAGE]


@pytest.mark.parametrize("name", ["Anna", "Zoë 漢字 \U0001f600", '"\\\n'])
def test_the_size_of_an_import_is_foreseen(name: str) -> None:
    new = NewContact("reader@portal.org", "u1", {"FIRSTNAME": name, "VISITS": 3, "DAILY_UNSUBSCRIBED": False}, LISTS)
    for times in (1, 1000):
        actual = len(json.dumps(calls.import_contacts(LISTS, [new] * times).body))
        foreseen = import_size(new) * times
        assert actual - 200 <= foreseen <= actual * 1.3


def test_what_the_portal_reported_before_is_not_overwritten(loader: Loader) -> None:
    loader.pipeline.subscribe("u1")
    loader.work()
    loader.pipeline.unsubscribe("u1")
    loader.pipeline.subscribe("u2", first_name="Berta")
    loader.pipeline.anonymize("u3", email=address_of("u3"))
    loader.work()
    became = loader.backfill(*people(10))
    loader.work()
    assert (became["imported"], became["erased"], loader.pipeline.lists("u1")) == (7, 1, set())
    assert loader.pipeline.held("u2")["attributes"]["FIRSTNAME"] == "Berta"
    assert [contact for contact in loader.pipeline.brevo.contacts() if contact["email"] == address_of("u3")] == []


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_an_opt_out_while_brevo_imports_is_the_last_word(loader: Loader, quick_brevo: Sandbox, seconds: float) -> None:
    quick_brevo.settings.import_seconds = seconds
    loader.load_rows(*people(10))
    loader.bring(happens=lambda: (loader.pipeline.unsubscribe("u4"), loader.pipeline.work()))
    assert loader.dirty <= {"u4"}
    loader.work()
    assert loader.pipeline.lists("u4") == set()
    assert not loader.dirty


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_an_erasure_while_brevo_imports_is_complete(loader: Loader, quick_brevo: Sandbox, seconds: float) -> None:
    quick_brevo.settings.import_seconds = seconds
    loader.load_rows(*people(10))

    def anonymize() -> None:
        loader.pipeline.anonymize("u4")
        loader.pipeline.work()

    loader.bring(happens=anonymize)
    loader.work()
    assert loader.pipeline.store.peek("u4") is None
    (erased,) = (contact for contact in quick_brevo.contacts() if str(contact["ext_id"]).startswith("deleted-"))
    assert (erased["emailBlacklisted"], erased["listIds"]) == (True, [])
    assert [contact for contact in quick_brevo.contacts() if contact["email"] == address_of("u4")] == []


def test_who_existed_before_is_left_to_the_workers(loader: Loader, quick_brevo: Sandbox) -> None:
    quick_brevo.quirks.import_joins_existing = False
    old = {"email": address_of("u3"), "attributes": {"FIRSTNAME": "Old"}, "listIds": [5]}
    blocked = {"email": address_of("u4"), "attributes": {}, "emailBlacklisted": True}
    quick_brevo.add_contacts([old, blocked])
    became = loader.backfill(*people(10))
    assert (became["imported"], became["handed over"]) == (8, 2)
    loader.work()
    assert loader.pipeline.held("u3")["attributes"]["FIRSTNAME"] == "Anna"
    assert loader.pipeline.held("u4")["emailBlacklisted"] is True
    assert not loader.dirty


@pytest.mark.parametrize("act", ["unsubscribe", "complain"])
def test_no_import_ends_a_block_once_a_probe_saw_that_it_would(
    make_pipeline: MakePipeline, write_rows: WriteRows, quick_brevo: Sandbox, act: str
) -> None:
    loader = Loader(make_pipeline(limiter=Meddling, sure=True), write_rows)
    quick_brevo.quirks.import_lifts_blocklist_of_untouched = True
    know(loader.pipeline, import_block="lifted")
    (old,) = quick_brevo.add_contacts([{"email": address_of("u3")}])
    quick_brevo.act(act, old)
    with loader.pipeline.requests() as requests:
        loader.backfill(*people(20))
        loader.work()
    assert IMPORT not in requests
    assert quick_brevo.contact(old)["emailBlacklisted"]
    assert loader.pipeline.lists("u4") == {3}


def test_a_failed_import_is_made_up_for(loader: Loader, quick_brevo: Sandbox) -> None:
    quick_brevo.quirks.import_outcome = "failed"
    assert loader.backfill(*people(6))["handed over"] == 6
    loader.work()
    assert loader.pipeline.lists("u5") == {3}


def test_a_known_contact_gets_what_is_new_by_an_ordinary_event(loader: Loader) -> None:
    loader.pipeline.subscribe("u1", occurred_at="2025-06-01T00:00:00Z")
    loader.work()
    became = loader.backfill(person(1, "weekly", first_name="Anna"))
    assert (became["accepted"], became["imports"]) == (1, 0)
    assert loader.dirty == {"u1"}
    loader.work()
    assert loader.pipeline.lists("u1") == {3, 5}


def test_a_row_about_a_contact_that_waits_for_a_worker_is_an_event_too(loader: Loader) -> None:
    loader.pipeline.subscribe("u1", occurred_at="2025-06-01T00:00:00Z")
    assert loader.backfill(*people(8, "weekly"))["accepted"] == 1
    assert {key.newsletter for key in loader.pipeline.state("u1").pending} == {"daily", "weekly"}


def test_a_bounce_right_after_the_import_is_known_as_one(loader: Loader, quick_brevo: Sandbox) -> None:
    def bounce() -> None:
        quick_brevo.run_due()
        quick_brevo.act("bounce", address_of("u2"))

    loader.load_rows(*people(8))
    assert loader.bring(happens=bounce)["handed over"] == 1
    loader.work()
    block = loader.pipeline.state("u2").seen["default"].block
    assert block is not None
    assert block.kind == "hard_bounce"


def test_what_was_handed_over_is_not_confirmed_behind_the_workers_back(loader: Loader) -> None:
    loader.load_rows(person(1))
    (own,) = read_users(loader.pipeline.store, ["u1"])
    assert hand_over(loader.pipeline.store, [own], sent=False) == [1]
    assert loader.pipeline.store.run_all("confirm", [("u1", "1", "1", "s:default:id", "1")]) == [0]
    assert loader.dirty == {"u1"}


def test_somebody_who_only_unsubscribed_is_taken_off_the_list(loader: Loader, quick_brevo: Sandbox) -> None:
    quick_brevo.add_contacts([{"email": address_of("u1"), "listIds": [3, 5]}])
    assert loader.backfill(person(1, "daily", subscribed=False))["handed over"] == 1
    loader.work()
    assert loader.pipeline.lists("u1") == {5}


def test_an_address_of_somebody_else_is_a_dead_letter(loader: Loader) -> None:
    loader.pipeline.subscribe("other", email=address_of("u1"))
    loader.work()
    loader.backfill(*people(8))
    loader.work()
    assert [letter.error for letter in loader.pipeline.letters()] == ["AddressTakenError"]


def test_an_address_given_up_lately_is_not_imported(loader: Loader) -> None:
    loader.pipeline.subscribe("old", email=address_of("u1"))
    loader.work()
    loader.pipeline.update("old", email="moved@portal.org")
    became = loader.backfill(*people(8))
    assert (became["accepted"], became["imported"], became["handed over"]) == (1, 7, 0)
    loader.work()
    assert (loader.pipeline.held("u1")["email"], loader.pipeline.held("old")["email"]) == (
        address_of("u1"),
        "moved@portal.org",
    )


def test_a_killed_load_goes_on_without_importing_again(loader: Loader) -> None:
    loader.load_rows(*people(10))
    with pytest.raises(KilledError):
        loader.bring(happens=die)
    with loader.pipeline.requests() as requests:
        assert loader.backfill(*people(10))["imported"] == 10
    assert requests == [PAGE]
    assert not loader.dirty


def test_a_load_killed_between_two_pages_reads_on(loader: Loader) -> None:
    loader.load_rows(*people(1500))
    loader.bring_until(1000)
    with loader.pipeline.requests() as requests:
        assert loader.bring()["imported"] == 500
    assert (requests, loader.dirty) == ([PAGE, PAGE], set())


def test_a_load_that_nobody_takes_up_again_is_finished_by_the_workers(loader: Loader) -> None:
    loader.load_rows(*people(3))
    assert (loader.pipeline.store.overdue(10, 0.0), loader.dirty) == ([], {"u0", "u1", "u2"})
    loader.work()
    assert loader.pipeline.lists("u2") == {3}
    assert loader.load_rows(person(1, "weekly"))["accepted"] == 1
    assert loader.backfill(*people(3))["imports"] == 0


def test_whom_a_worker_has_in_hand_is_left_to_it(loader: Loader) -> None:
    loader.load_rows(*people(8))
    lease = loader.pipeline.store.lease("u1", 25.0)
    assert loader.bring()["imported"] == 7
    assert (lease != "idle", loader.dirty) == (True, {"u1"})


def test_rows_say_what_was_so_at_their_own_time(loader: Loader) -> None:
    loader.load_rows(person(1, occurred_at="2025-02-03T04:05:06.000007+01:00"), person(2))
    since = [loader.pipeline.state(user).subscriptions()["daily"][0] for user in ("u1", "u2")]
    assert since == ["1738551906000007", str(int(AS_OF.timestamp() * 1_000_000))]


@pytest.fixture
def two(
    make_pipeline: MakePipeline, write_rows: WriteRows, quick_brevo: Sandbox
) -> Iterator[tuple[Loader, Sandbox, Sandbox]]:
    """A load for two accounts: the daily newsletter is of the one, the weekly of the other."""
    url = make_pipeline().resources.settings.accounts["default"].base_url
    with serving(SandboxSettings(import_seconds=0.0, limits=LimitSettings(enabled=False))) as other:
        accounts = {name: Account(base_url=at, api_key=SecretStr("key")) for name, at in (("a", url), ("b", other.url))}
        newsletters = {"daily": {"list_id": 3, "account": "a"}, "weekly": {"list_id": 5, "account": "b"}}
        loader = Loader(make_pipeline(limiter=Meddling, accounts=accounts, newsletters=newsletters), write_rows)
        yield loader, quick_brevo, other.sandbox


def test_each_account_imports_its_own(two: tuple[Loader, Sandbox, Sandbox]) -> None:
    loader, one, other = two
    became = loader.backfill(*people(6, "daily", "weekly"), *people(8, "weekly"))
    assert (became["imported"], became["imports"], loader.dirty) == (8, 2, set())
    assert [len(each["listIds"]) for each in (*one.contacts(), *other.contacts())] == [1] * 14  # type: ignore[arg-type]


def test_who_needs_more_than_an_import_on_one_account_is_left_to_the_workers_on_all(
    two: tuple[Loader, Sandbox, Sandbox],
) -> None:
    loader, one, other = two
    other.add_contacts([{"email": address_of("u6"), "listIds": [5]}])
    became = loader.backfill(*people(7), person(6, "weekly", subscribed=False))
    assert (became["imported"], became["handed over"]) == (6, 1)
    loader.work()
    lists = [
        held["listIds"] for brevo in (one, other) for held in brevo.contacts() if held["email"] == address_of("u6")
    ]
    assert lists == [[3], []]


def test_a_load_waits_for_its_turn_after_everybody_else(loader: Loader) -> None:
    redis, slow = loader.pipeline.store.redis, Account(requests_per_second=0.01, api_key=SecretStr("key"))
    waited = list[tuple[bool, object]]()

    class Noting(Limiter):
        def rest(self, seconds: float) -> None:
            waited.append((seconds > 60, redis.get("sync_tasks:first:slow:contacts")))
            redis.flushall()

    limiter = Noting(loader.pipeline.store, {"slow": slow})
    gate = PatientGate(limiter, "slow")
    gate.acquire("contacts")
    gate.acquire("contacts")
    assert waited == [(True, str(int(Priority.BACKGROUND)))]


@pytest.mark.parametrize("fault", ["drop", "drop_after", "late"])
def test_an_import_without_an_answer_is_asked_for_again(loader: Loader, quick_brevo: Sandbox, fault: str) -> None:
    quick_brevo.add_fault(fault, path="/import", count=4)
    assert loader.backfill(*people(10))["imported"] == 10
    assert (len(quick_brevo.contacts()), loader.dirty) == (10, set())


def test_reading_back_goes_on_after_an_outage(loader: Loader, quick_brevo: Sandbox) -> None:
    loader.load_rows(*people(10))
    outage = lambda: quick_brevo.add_fault("status", status=503, path="contacts$", count=4)  # noqa: E731 - one word
    assert loader.bring(happens=outage)["imported"] == 10


def test_rows_with_a_telephone_number_go_one_by_one(make_pipeline: MakePipeline, write_rows: WriteRows) -> None:
    attributes = {"first_name": "FIRSTNAME", "mobile": "SMS"}
    loader = Loader(make_pipeline(Meddling, attributes=attributes), write_rows)
    brevo = loader.pipeline.brevo
    brevo.request("POST", "/contacts", {"email": "zoe@elsewhere.org", "attributes": {"SMS": "4915123456703"}})
    rows = [person(number, attributes={"mobile": f"+49151234567{number:02}"}) for number in range(5)]
    loader.backfill(*rows, *people(30)[10:])
    loader.work()

    assert len(brevo.contacts()) == 26
    assert "zoe@elsewhere.org" in {contact["email"] for contact in brevo.contacts()}
    assert loader.pipeline.held("u2")["attributes"]["SMS"] == "4915123456702"
    assert {letter.error for letter in loader.pipeline.letters()} == {"RejectedNumberError"}
