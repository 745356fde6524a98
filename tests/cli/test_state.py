"""``sync-tasks state``: what an operator reads of a hold, and what ends one."""

import pytest

from sync_tasks.rate_limits import patience
from sync_tasks.reconcile.lock import standing_alone
from sync_tasks.state.holds import EXAMINING, place_hold, read_hold
from tests.support.desk import Desk
from tests.support.pipeline import address_of


def test_a_hold_is_shown_until_a_person_has_decided(desk: Desk) -> None:
    assert "not on hold" in desk.run("state", "show")
    assert "a backup of Tuesday, by ada" in " ".join(
        desk.run("state", "hold", "--reason", "a backup\nof  Tuesday", "--by", "ada").split()
    )
    shown = " ".join(desk.run("state", "show", exits=1).split())
    assert "a backup of Tuesday, by ada" in shown
    assert "sync-tasks state accept --trust brevo|state" in shown
    document = desk.read("state", "show", exits=1)
    assert document["hold"]["reason"] == "a backup of Tuesday, by ada"
    assert "no longer on hold" in desk.run("state", "accept", "--trust", "state", "--yes", "--by", "otto")
    (decision,) = desk.read("state", "show")["decisions"]
    assert (decision["trusted"], decision["by"], decision["reason"]) == ("state", "otto", document["hold"]["reason"])
    ended = desk.run("state", "show")
    assert all(text in ended for text in ("not on hold", "earlier holds", "otto"))


def test_an_examination_is_shown_and_is_no_trouble_yet(desk: Desk) -> None:
    place_hold(desk.pipeline.store, EXAMINING)
    shown = desk.run("state", "show")
    assert ("Brevo is asked" in " ".join(shown.split()), "state accept" in shown) == (True, False)


def test_without_a_hold_there_is_nothing_to_accept(desk: Desk) -> None:
    assert "the state is not on hold" in desk.run("state", "accept", "--trust", "brevo", "--yes", exits=1)
    assert desk.read("state", "show")["decisions"] == []


@pytest.mark.parametrize(
    ("trust", "asked"), [("brevo", "end all subscriptions"), ("state", "repair all that Brevo does not show")]
)
def test_what_an_acceptance_does_is_asked_first_and_without_a_yes_the_hold_stays(
    desk: Desk, trust: str, asked: str
) -> None:
    place_hold(desk.pipeline.store, "a backup")
    assert asked in " ".join(desk.run("state", "accept", "--trust", trust, typed="n\n", exits=1).split())
    assert read_hold(desk.pipeline.store) is not None
    desk.run("state", "accept", "--trust", trust, typed="y\n")
    assert read_hold(desk.pipeline.store) is None


def test_brevo_is_not_trusted_before_every_account_was_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST_PAUSE", 0.0)
    place_hold(desk.pipeline.store, "a backup")
    desk.pipeline.brevo.add_fault("status", status=500)
    assert "nothing was changed" in desk.run("state", "accept", "--trust", "brevo", "--yes", exits=1)
    assert read_hold(desk.pipeline.store) is not None


def test_a_hold_does_not_end_under_a_comparison(desk: Desk) -> None:
    place_hold(desk.pipeline.store, "a backup")
    with standing_alone(desk.pipeline.store):
        assert "a comparison is under way" in desk.run("state", "accept", "--trust", "state", "--yes", exits=1)
    assert read_hold(desk.pipeline.store) is not None


@pytest.fixture
def ended(desk: Desk) -> Desk:
    """A desk whose state is on hold, and whose Anna was taken off her list at Brevo before."""
    desk.pipeline.subscribe("anna")
    desk.pipeline.work()
    desk.pipeline.brevo.edit(address_of("anna"), {"unlinkListIds": [3]})
    place_hold(desk.pipeline.store, "a backup")
    return desk


def test_what_brevo_shows_to_have_ended_is_accepted_and_shown(ended: Desk) -> None:
    shown = ended.run("state", "accept", "--trust", "brevo", "--yes")
    assert all(text in shown for text in ("accepted, as Brevo shows it", "anna", "unsubscribe_contact", "daily"))
    assert "no longer on hold" in shown
    assert "sync-tasks reconcile" in shown
    assert ended.pipeline.state("anna").subscriptions()["daily"][1] is False


def test_what_was_accepted_is_also_for_programs(ended: Desk) -> None:
    found = ended.read("state", "accept", "--trust", "brevo", "--yes")
    assert found == [{"user_id": "anna", "task": "unsubscribe_contact", "newsletter": "daily"}]
    assert read_hold(ended.pipeline.store) is None


def test_the_state_is_trusted_without_an_event(ended: Desk) -> None:
    shown = ended.run("state", "accept", "--trust", "state", "--yes")
    assert "accepted, as Brevo shows it" not in shown
    assert "no longer on hold" in shown
    assert ended.pipeline.state("anna").subscriptions()["daily"][1] is True


def test_without_earlier_holds_no_table_of_them_is_shown(desk: Desk) -> None:
    assert "earlier holds" not in desk.run("state", "show")
    assert desk.read("state", "show") == {"hold": None, "decisions": [], "troubles": []}
    hold = place_hold(desk.pipeline.store, "a backup")
    assert "earlier holds" not in desk.run("state", "show", exits=1)
    document = desk.read("state", "show", exits=1)
    assert document["hold"] == {"since": hold.since.isoformat(), "reason": "a backup"}
