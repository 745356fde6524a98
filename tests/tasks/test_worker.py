"""Real worker processes: tasks by ``delay``, messages of other producers, retries, deferrals."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sync_tasks.domain.events import Subscribe, parse_event
from tests.support.processes import Program, wait_until
from tests.support.station import SETTLED_WITHIN, Station, read_outcomes
from tests.support.watching import Event, states_of, watching


@pytest.fixture(scope="module")
def worker(station: Station) -> Program:
    """One worker and beat, for all tests of this module."""
    station.beat()
    return station.worker()


@pytest.fixture(scope="module")
def heard(station: Station, worker: Program) -> Iterator[list[Event]]:
    """What the worker reports of its tasks."""
    assert worker.running
    with watching(station.producer) as heard:
        yield heard


@pytest.fixture(autouse=True)
def no_faults(station: Station) -> Iterator[None]:
    yield
    station.brevo.faults.clear()


def now() -> str:
    return datetime.now(UTC).isoformat()


def wait_for_outcome(worker: Program, task_id: str) -> str:
    """Return what the log says of the event a message is about."""

    def find() -> str | None:
        return next((line["outcome"] for line in read_outcomes(worker) if line.get("task_id") == task_id), None)

    outcome = wait_until(find, "a line in the log", SETTLED_WITHIN)
    assert outcome is not None
    return outcome


@pytest.mark.usefixtures("worker")
def test_the_four_tasks_do_what_they_say(station: Station) -> None:
    portal = station.portal
    portal.accept("subscribe", user_id="four", newsletter="daily", email="four@portal.org", first_name="F")
    portal.accept("subscribe", user_id="four", newsletter="weekly", email="four@portal.org")
    station.wait_for_lists("four", 3, 5)
    contact_id = int(station.held("four")["id"])
    portal.accept("update", user_id="four", email="four.new@portal.org", attributes={"city": "Ulm"})
    wait_until(lambda: station.held("four")["email"] == "four.new@portal.org", "the new address")
    assert station.held("four")["attributes"]["CITY"] == "Ulm"
    portal.accept("unsubscribe", user_id="four", newsletter="daily")
    station.wait_for_lists("four", 5)
    portal.accept("anonymize", user_id="four")
    station.wait_until_erased("four")
    held = station.brevo.contact(contact_id)
    assert (held["listIds"], held["emailBlacklisted"], "four" in repr(held)) == ([], True, False)


@pytest.mark.parametrize(
    ("newsletter", "outcome"), [("daily", "synced"), ("hourly", "dead letter"), ("no slug", "dead letter")]
)
def test_each_event_is_one_line_in_the_log(station: Station, worker: Program, newsletter: str, outcome: str) -> None:
    user = f"line-{newsletter.replace(' ', '-')}"
    said = {"user_id": user, "newsletter": newsletter, "email": f"{user}@portal.org", "occurred_at": now()}
    task_id = station.send("sync_tasks.subscribe_contact", **said)
    assert wait_for_outcome(worker, task_id) == outcome
    station.send("sync_tasks.subscribe_contact", **said | {"user_id": f"{user}-after", "newsletter": "daily"})
    wait_until(lambda: f"{user}-after" in worker.output, "a later line", SETTLED_WITHIN)
    (line,) = [line for line in worker.output.splitlines() if task_id in line]
    reported = json.loads(line)
    assert (reported["task"], reported["user_id"], reported["outcome"]) == ("subscribe_contact", user, outcome)


@pytest.mark.usefixtures("worker")
def test_a_message_that_got_lost_costs_delay_and_no_event(station: Station) -> None:
    said = {"user_id": "lost", "newsletter": "daily", "email": "lost@portal.org"}
    station.store.accept(parse_event(Subscribe, said))
    station.wait_for_lists("lost", 3)


@pytest.mark.usefixtures("worker")
def test_another_producer_sends_everything_in_the_message(station: Station) -> None:
    who = {"user_id": "full", "occurred_at": now()}
    station.send("sync_tasks.subscribe_contact", **who, newsletter="daily", email="full@portal.org", first_name="F")
    station.send("sync_tasks.subscribe_contact", **who, newsletter="weekly", email="full@portal.org")
    station.wait_for_lists("full", 3, 5)
    station.send("sync_tasks.update_contact", **who | {"occurred_at": now()}, email="full.new@portal.org")
    wait_until(lambda: station.held("full")["email"] == "full.new@portal.org", "the new address")
    station.send("sync_tasks.unsubscribe_contact", **who | {"occurred_at": now()}, newsletter="daily")
    station.wait_for_lists("full", 5)
    station.send("sync_tasks.anonymize_contact", **who | {"occurred_at": now()})
    station.wait_until_erased("full")


def test_a_stale_message_of_another_producer_changes_nothing(station: Station, worker: Program) -> None:
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    station.portal.accept("subscribe", user_id="stale", newsletter="daily", email="stale@portal.org")
    station.wait_for_lists("stale", 3)
    said = {"user_id": "stale", "newsletter": "daily", "occurred_at": old}
    task_id = station.send("sync_tasks.unsubscribe_contact", **said)
    assert wait_for_outcome(worker, task_id) == "superseded"
    assert station.held("stale")["listIds"] == [3]


def test_a_worker_ignores_an_argument_it_does_not_know_and_logs_its_name(station: Station, worker: Program) -> None:
    said = {"user_id": "newer", "newsletter": "daily", "email": "newer@portal.org", "occurred_at": now()}
    station.send("sync_tasks.subscribe_contact", **said, shoe_size="forty-two")
    station.wait_for_lists("newer", 3)
    worker.wait_for("subscribe_contact: unknown arguments ignored: shoe_size")
    assert "forty-two" not in worker.output


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no-address"),
        ("email", None),
        ("newsletter", "no slug"),
        ("newsletter", None),
        ("occurred_at", None),
        ("occurred_at", "2026-11-23T10:00:00"),
        ("occurred_at", "2999-01-01T00:00:00+00:00"),
        ("first_name", 7),
        ("attributes.first_name", {"first_name": "F"}),
    ],
)
def test_a_malformed_message_is_a_dead_letter_that_names_the_field(
    station: Station, field: str, value: object, request: pytest.FixtureRequest
) -> None:
    user = f"malformed-{request.node.callspec.indices['field']}"
    said = {"user_id": user, "newsletter": "daily", "email": "malformed@portal.org", "occurred_at": now()}
    changed = said | {field.partition(".")[0]: value}
    reported = {name: text for name, text in changed.items() if text is not None}
    station.send("sync_tasks.subscribe_contact", **reported)
    letter = station.wait_for_letter(user)
    assert (letter.error, letter.task) == ("InvalidEventError", "subscribe_contact")
    assert field in letter.message
    assert station.store.peek(user) is None


@pytest.mark.usefixtures("worker")
def test_a_message_without_a_user_is_a_dead_letter_too(station: Station) -> None:
    task_id = station.send("sync_tasks.anonymize_contact", occurred_at=now())
    letter = station.wait_for_letter("")
    assert (letter.task, letter.task_id) == ("anonymize_contact", task_id)
    assert "user_id: missing" in letter.message


@pytest.mark.usefixtures("worker")
def test_an_unknown_newsletter_of_another_producer_is_a_dead_letter_that_names_it(station: Station) -> None:
    said = {"user_id": "hourly", "newsletter": "hourly", "email": "hourly@portal.org", "occurred_at": now()}
    station.send("sync_tasks.subscribe_contact", **said)
    letter = station.wait_for_letter("hourly")
    assert (letter.error, letter.newsletter) == ("UnknownNewsletterError", "hourly")
    assert "'hourly' is not in the configuration" in letter.message


@pytest.mark.usefixtures("worker")
def test_an_unmapped_attribute_of_another_producer_is_a_dead_letter_that_names_it(station: Station) -> None:
    said = {"user_id": "shoes", "newsletter": "daily", "email": "shoes@portal.org", "occurred_at": now()}
    station.send("sync_tasks.subscribe_contact", **said, attributes={"shoe_size": 42})
    letter = station.wait_for_letter("shoes")
    assert letter.error == "InvalidEventError"
    assert "attributes.shoe_size" in letter.message


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"user_id": ""}, "user_id"),
        ({"email": "no-address"}, "email"),
        ({"shoe_size": 42}, "shoe_size"),
        ({"occurred_at": "2026-11-23T10:00:00"}, "occurred_at"),
        ({"occurred_at": "2999-01-01T00:00:00+00:00"}, "occurred_at"),
        ({"attributes": {"shoe_size": 42}}, "attributes.shoe_size"),
    ],
)
def test_the_portal_refuses_bad_input_before_anything_is_accepted(
    station: Station, changed: dict[str, object], field: str
) -> None:
    said = {"user_id": "refused", "newsletter": "daily", "email": "refused@portal.org"} | changed
    answer = station.portal.call("subscribe", **said)
    assert answer["error"] == "InvalidEventError"
    assert "ValueError" in answer["kinds"]
    assert field in answer["message"]
    assert station.store.peek("refused") is None
    assert station.store.redis.zscore("sync_tasks:dirty", "refused") is None


def test_positional_arguments_are_refused_by_the_portal(station: Station) -> None:
    answer = station.portal.call("unsubscribe", {"args": ["anna", "daily"]})
    assert answer["error"] == "InvalidEventError"
    assert "keyword arguments only" in answer["message"]


def test_passing_trouble_is_a_retry_of_the_same_task(station: Station, heard: list[Event]) -> None:
    station.brevo.add_fault("status", status=500, method="POST", count=1)
    task_id = station.portal.accept("subscribe", user_id="again", newsletter="daily", email="again@portal.org")
    wait_until(lambda: "succeeded" in states_of(task_id, heard), "the task succeeds", SETTLED_WITHIN)
    states = states_of(task_id, heard)
    assert states.count("retried") == 1
    assert states.index("retried") < states.index("succeeded")
    assert station.held("again")["listIds"] == [3]


def test_a_permanent_error_is_a_failed_task_at_its_first_try(station: Station, heard: list[Event]) -> None:
    said = {"user_id": "refused-mobile", "newsletter": "daily", "email": "refused.mobile@portal.org"}
    task_id = station.portal.accept("subscribe", **said, attributes={"mobile": "no number"})
    wait_until(lambda: "failed" in states_of(task_id, heard), "the task fails", SETTLED_WITHIN)
    assert "retried" not in states_of(task_id, heard)
    assert station.wait_for_letter("refused-mobile").error == "RejectedNumberError"


def test_trouble_of_the_account_defers_events_until_it_is_over(
    station: Station, worker: Program, heard: list[Event]
) -> None:
    station.brevo.add_fault("status", status=401)
    users = [f"deferred-{number}" for number in range(4)]
    tasks = [
        station.portal.accept("subscribe", user_id=user, newsletter="daily", email=f"{user}@portal.org")
        for user in users
    ]
    for task_id in tasks:
        wait_for_outcome(worker, task_id)

    def are_heard() -> bool:
        return all("retried" in states_of(task_id, heard) for task_id in tasks)

    wait_until(are_heard, "Flower hears that they wait", SETTLED_WITHIN)
    reported = [event for event in heard if event.get("uuid") in tasks]
    assert {event["type"] for event in reported} == {"task-received", "task-started", "task-retried"}
    reasons = [event["exception"] for event in reported if event["type"] == "task-retried"]
    assert all(reason.startswith(("UnauthorizedError: ", "AccountPausedError: ")) for reason in reasons)
    assert {event["kwargs"].split(", 'occurred_at'")[0] for event in reported if "kwargs" in event} == {
        f"{{'user_id': '{user}', 'newsletter': 'daily'" for user in users
    }
    worker.wait_for("account default is paused, its events wait: UnauthorizedError")
    wait_until(lambda: station.store.redis.llen("sync_tasks") == 0, "no message is hoarded")
    station.brevo.faults.clear()
    station.wait_until_settled()
    for user in users:
        station.wait_for_lists(user, 3)
    assert not any(letter.user_id in users for letter in station.letters())
