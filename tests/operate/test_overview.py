"""The first page shows whether events arrive, what is paused and what to do about it."""

import pytest
from kombu.exceptions import OperationalError

from sync_tasks.domain.timestamps import MICROSECONDS_PER_SECOND
from sync_tasks.errors import UnauthorizedError
from sync_tasks.state.freshness import note_freshness
from tests.support.operating import Operating, words_of


def test_it_says_that_nothing_is_wrong_but_who_is_missing(door: Operating) -> None:
    page = door.log_in()
    reported = words_of(page)
    assert "refresh" not in page.headers
    assert "no worker answers" in reported
    assert "no beat has swept" in reported
    assert "Nobody has swept for a day" in reported
    assert "None: no event needs a person" in reported


def test_a_paused_account_has_its_reason_and_remedy(door: Operating) -> None:
    door.pipeline.resources.limiter.pause("default", UnauthorizedError("GET /account: 401"))
    reported = words_of(door.log_in())
    assert "default paused for 0 s UnauthorizedError: GET /account: 401" in reported
    assert "mend the key at Brevo" in reported


@pytest.mark.parametrize(("granted", "what_to_do"), [(200, "see the first lines of this page"), (1000, "nothing")])
def test_an_account_that_grants_less_than_configured_is_no_account_that_needs_nothing(
    door: Operating, granted: int, what_to_do: str
) -> None:
    door.pipeline.resources.limiter.record_usage("default", "contacts", granted, granted)
    reported = words_of(door.log_in())
    pace = ", at 20 % of its rate" if granted == 200 else ""
    assert f"default running{pace} {what_to_do}" in reported.replace(" ,", ",")
    assert ("Brevo grants 200 requests a second, and 1,000 are configured" in reported) is bool(pace)


def test_the_plot_says_in_words_what_it_shows(door: Operating) -> None:
    store = door.pipeline.store
    door.pipeline.subscribe("ada")
    store.redis.zadd(store.key("dirty"), {"ada": int(store.now()) - 700 * MICROSECONDS_PER_SECOND})
    note_freshness(store)
    page = door.log_in()
    assert "the oldest event waited for 12 min at most" in words_of(page)
    assert page.body.count('<rect class="bar"') == 1
    assert page.body.count('<rect class="gap"') == 95


def test_the_greatest_causes_lead_to_their_letters(door: Operating) -> None:
    door.fail("ada", "bea")
    page = door.log_in()
    assert "2 dead letters need a person" in words_of(page)
    assert "2 \u00d7 UnknownContactError" in words_of(page)


def test_while_the_broker_is_away_it_says_so_and_shows_the_rest(
    door: Operating, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr("kombu.Connection.ensure_connection", refuse)
    reported = words_of(door.log_in())
    assert "The broker is away (OperationalError)" in reported
    assert "Oldest event that waits none" in reported
