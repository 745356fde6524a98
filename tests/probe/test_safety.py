"""A probe touches nobody, removes all it made even when it was killed, and shows nothing of a person."""

import json
from dataclasses import replace

import pytest

from sync_tasks.errors import ConfigurationError, ProbeBudgetError, UnauthorizedError
from sync_tasks.probe import budget, journal, run
from sync_tasks.probe.budget import BudgetGate
from sync_tasks.probe.journal import MadeJournal
from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from sync_tasks.sandbox import LimitSettings
from tests.support.desk import MARK
from tests.support.probing import MAILBOXES, Prober, hardly_wait, play


@pytest.fixture(autouse=True)
def _brief_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the lock of a killed probe end soon."""
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.5)


@pytest.mark.parametrize(
    ("where", "method", "points"),
    [(BudgetGate, "acquire", range(1, 60, 6)), (MadeJournal, "note", range(1, 11))],
    ids=["before a request", "before it is noted what was made"],
)
def test_the_next_run_removes_what_a_killed_one_left(prober: Prober, where: object, method: str, points: range) -> None:
    before = prober.held()
    died = [prober.die(where, method, point) for point in points]
    assert any(died)
    report = prober.run()
    assert (report.left, report.trouble) == ([], "")
    assert (prober.held(), prober.written_down()) == (before, [])


@pytest.mark.parametrize("address", MAILBOXES)
def test_an_address_that_is_a_contacts_is_refused_before_anything_is_made(prober: Prober, address: str) -> None:
    prober.brevo.add_contacts([{"email": address, "listIds": [3]}])
    before, asked = prober.held(), prober.brevo.journal.total
    with pytest.raises(ConfigurationError, match="is a contact's at Brevo") as refusal:
        prober.run()
    assert MARK not in str(refusal.value)
    assert {one.method for one in prober.brevo.journal.requests() if one.number > asked} == {"GET"}
    assert prober.held() == before


@pytest.mark.parametrize("address", MAILBOXES)
def test_an_address_that_no_look_finds_is_never_written_to(prober: Prober, address: str) -> None:
    prober.brevo.add_contacts([{"email": address, "listIds": [3]}])
    play(prober.brevo, address_look_finds=False)
    before = prober.held()
    report = prober.run()
    if address == MAILBOXES[0]:
        assert "is a contact's" in report.trouble
    assert report.left == []
    assert prober.held() == before


def test_an_address_of_a_user_of_the_portal_is_refused(prober: Prober) -> None:
    prober.pipeline.subscribe("ada", email=MAILBOXES[1])
    with pytest.raises(ConfigurationError, match="a user's of the portal"):
        prober.run()


def test_a_creation_without_an_answer_is_cleared_away_by_the_next_run(prober: Prober) -> None:
    before = prober.held()
    prober.brevo.add_fault("drop_after", method="POST", path="contacts$", count=1)
    assert not prober.run().good
    assert prober.run().trouble == ""
    assert (prober.held(), prober.written_down()) == (before, [])


def test_a_contact_shown_without_lists_ends_no_probe(prober: Prober, monkeypatch: pytest.MonkeyPatch) -> None:
    send = Brevo._send

    def answer(self: Brevo, call: Call) -> Answer:
        reply = send(self, call)
        return replace(reply, body=json.dumps({**reply.data, "listIds": None}).encode()) if call.parts else reply

    monkeypatch.setattr(Brevo, "_send", answer)
    before = prober.held()
    assert prober.run().left == []
    assert prober.held() == before


def test_the_clean_up_has_requests_of_its_own_when_all_others_are_used_up(
    prober: Prober, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST", 50)
    before = prober.held()
    report = prober.run()
    assert "may make no more" in report.trouble
    assert sum(report.requests.values()) <= 50
    assert (report.left, prober.held()) == ([], before)


def test_the_budget_is_an_error_that_says_how_many_requests_were_made(prober: Prober) -> None:
    with prober.monkeypatch.context() as patched:
        patched.setattr(budget, "MOST", budget.RESERVED)
        with pytest.raises(ProbeBudgetError, match="0 requests"):
            prober.run()


def test_the_limits_of_the_account_are_kept(prober: Prober) -> None:
    prober.brevo.limits.apply(LimitSettings(contacts_per_second=20))
    prober.run(requests_per_second=10)
    assert prober.brevo.limits.refused == 0


def test_a_paused_account_is_not_probed(prober: Prober) -> None:
    prober.pipeline.resources.limiter.pause("default", UnauthorizedError("the key is wrong"))
    asked = prober.brevo.journal.total
    with pytest.raises(ConfigurationError, match=r"paused \(UnauthorizedError\)"):
        prober.run()
    assert prober.brevo.journal.total == asked


def test_a_probe_that_waits_for_long_keeps_others_out(prober: Prober, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LOCK_SECONDS", 60)
    monkeypatch.setattr(run, "_SLICE", 0.1)
    redis, key, held = prober.pipeline.store.redis, "sync_tasks:probing:default", list[int]()

    def grow_old(seconds: float) -> None:
        held.append(int(redis.pttl(key)))
        redis.expire(key, 30)
        hardly_wait(seconds)

    probe = prober.build()
    probe.pause = grow_old
    probe.run()
    assert held
    assert min(held) > 30_000


def test_no_mail_is_sent(prober: Prober) -> None:
    prober.run()
    assert prober.brevo.account.owner_mails == 0


def test_another_account_does_not_inherit_the_answers(prober: Prober) -> None:
    prober.run()
    assert prober.answers()["ext_id_shown"] == "attribute"
    prober.pipeline.store.redis.hset("sync_tasks:owners", "default", "another")
    assert prober.answers() == {}


def test_nothing_personal_stays_in_redis(prober: Prober) -> None:
    prober.run()
    redis = prober.pipeline.store.redis
    kept = [redis.hgetall(key) for key in redis.scan_iter("sync_tasks:answers:*")]
    assert kept
    assert MARK not in str(kept)
    assert MARK not in str(list(redis.scan_iter("*")))
