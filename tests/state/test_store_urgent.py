"""Who has an opt-out or an erasure pending is known, and so is who waits for what: both in the order they came."""

import pytest

from sync_tasks.domain.events import Event
from sync_tasks.state.records import Settlement
from sync_tasks.state.store import Store
from tests.state.test_store import lease_of, of
from tests.support.saying import anonymize, key_of, subscribe, unsubscribe, update


def urgent(store: Store) -> list[str]:
    return [str(user) for user in store.redis.zrange(store.key("urgent"), 0, -1)]


def waiting(store: Store, kind: str) -> list[str]:
    return [str(user) for user in store.redis.zrange(store.key(f"pending:{kind}"), 0, -1)]


def conclude(store: Store, *events: Event, user_id: str = "u1") -> None:
    """Let a push reflect these events of a user, and leave the others pending."""
    lease = lease_of(store, user_id)
    store.settle(lease, Settlement(fields={f"p:{key_of(event)}": "" for event in events}, due=0.0))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (unsubscribe(1), ["u1"]),
        (anonymize(1), ["u1"]),
        (subscribe(1), []),
        (update(1, first_name="Ada"), []),
    ],
    ids=lambda reported: reported.task if isinstance(reported, Event) else "",
)
def test_opt_outs_and_erasures_are_urgent_and_nothing_else_is(store: Store, event: Event, expected: list[str]) -> None:
    store.accept(event)
    assert urgent(store) == expected


def test_the_longest_waiting_is_first_however_much_it_says_since(store: Store) -> None:
    for user_id in ("u1", "u2"):
        store.accept(of(user_id, unsubscribe(1, email=f"{user_id}@example.com")))
    store.accept(unsubscribe(2, "weekly"))
    assert urgent(store) == ["u1", "u2"]


def test_who_waits_longest_for_the_same_is_first_however_often_it_is_said(store: Store) -> None:
    for user_id in ("u1", "u2"):
        store.accept(of(user_id, subscribe(1, email=f"{user_id}@example.com")))
    store.accept(subscribe(2))
    assert waiting(store, "subscribe_contact:daily") == ["u1", "u2"]


def test_whose_last_opt_out_is_reflected_is_urgent_no_more(store: Store) -> None:
    first, second = unsubscribe(1), unsubscribe(1, "weekly")
    for event in (first, second, subscribe(1, "monthly")):
        store.accept(event)
    conclude(store, first)
    assert urgent(store) == ["u1"]
    conclude(store, second)
    assert urgent(store) == []


def test_an_opt_out_that_became_a_letter_is_urgent_no_more(store: Store) -> None:
    event = unsubscribe(1)
    store.accept(event)
    lease = lease_of(store)
    store.settle(lease, Settlement(letters={key_of(event): ("1", "{}")}, clean=True))
    assert (urgent(store), waiting(store, "unsubscribe_contact:daily")) == ([], [])


def test_what_is_reflected_nobody_waits_for(store: Store) -> None:
    events = [subscribe(1), unsubscribe(1, "weekly"), update(1, first_name="Ada")]
    for event in events:
        store.accept(event)
    conclude(store, *events)
    assert store.redis.keys(store.key("pending:*")) == []


def test_whoever_is_not_urgent_does_not_end_the_urgency_of_others(store: Store) -> None:
    store.accept(unsubscribe(1))
    signed_up = of("u2", subscribe(1, email="u2@example.com"))
    store.accept(signed_up)
    conclude(store, signed_up, user_id="u2")
    assert urgent(store) == ["u1"]


def test_whoever_wishes_the_same_of_all_newsletters_is_in_one_index_in_whatever_order_it_was_said(store: Store) -> None:
    for user_id, first, second in (("u1", "daily", "weekly"), ("u2", "weekly", "daily"), ("u3", "daily", "daily")):
        for moment, newsletter in enumerate((first, second)):
            store.accept(of(user_id, subscribe(moment, newsletter, email=f"{user_id}@example.com")))

    assert (waiting(store, "+daily,+weekly"), waiting(store, "+daily")) == (["u1", "u2"], ["u3"])


def test_the_later_of_two_wishes_about_a_newsletter_shows_who_wishes_the_same(store: Store) -> None:
    for event in (subscribe(1), subscribe(2, "weekly"), unsubscribe(3)):
        store.accept(event)

    assert waiting(store, "+weekly,-daily") == ["u1"]


def test_whose_wish_is_reflected_wishes_the_same_as_those_who_never_had_it(store: Store) -> None:
    first = subscribe(1)
    for event in (first, subscribe(2, "weekly")):
        store.accept(event)

    conclude(store, first)

    assert (waiting(store, "+weekly"), waiting(store, "+daily,+weekly")) == (["u1"], [])


def test_a_long_text_of_wishes_is_in_no_index_and_ends_with_the_wishes(store: Store) -> None:
    events = [subscribe(1, f"newsletter-{number}") for number in range(200)]
    for event in events:
        store.accept(event)
    contact = store.key("contacts:u1")
    assert 1000 < len(str(store.redis.hget(contact, "wishes"))) < 1050
    assert [key for key in store.redis.keys(store.key("pending:+*")) if "," in key] == []

    conclude(store, *events)

    assert store.redis.hget(contact, "wishes") is None
