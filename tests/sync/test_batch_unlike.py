"""A batch whose wishes differ costs no more than one that wishes the same: whom no request can serve nobody leases."""

import pytest

from sync_tasks.domain.contact import Contact
from sync_tasks.sandbox import Sandbox
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline

COMMON, OTHERS = "common", [f"other-{number}" for number in range(40)]
PEOPLE = [f"user-{number}" for number in range(80)]
IMPORT = "POST /v3/contacts/import"


@pytest.fixture
def leased(monkeypatch: pytest.MonkeyPatch, batched: Pipeline) -> list[str]:
    """Return who was leased, by whomever: once for each lease."""
    users, load = list[str](), batched.store.load

    def load_and_count(user_id: str, *given: object, **reported: object) -> Contact:
        users.append(user_id)
        return load(user_id, *given, **reported)  # type: ignore[arg-type]

    monkeypatch.setattr(batched.store, "load", load_and_count)
    return users


@pytest.fixture
def batched(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """A pipeline with a batch at each request, and as many newsletters as a publisher has."""
    brevo.settings.import_seconds = SHORT / 3
    lists = {name: brevo.account.create_list(name, 1).id for name in (COMMON, *OTHERS)}
    return make_pipeline(BatchingLimiter, newsletters={name: {"list_id": number} for name, number in lists.items()})


def test_sign_ups_for_a_common_newsletter_and_another_lease_nobody_in_vain(
    batched: Pipeline, leased: list[str]
) -> None:
    for number, user_id in enumerate(PEOPLE):
        batched.subscribe(user_id, COMMON)
        batched.subscribe(user_id, OTHERS[number % len(OTHERS)])

    batched.work()

    assert not any(batched.state(user_id).pending for user_id in PEOPLE)
    assert len(leased) <= 2 * len(PEOPLE), "each by itself, and once with the other who wishes the same"


def test_whoever_wishes_the_same_of_many_newsletters_is_in_one_import(batched: Pipeline) -> None:
    for number, user_id in enumerate(PEOPLE):
        for newsletter in sorted((COMMON, OTHERS[number % 4]), reverse=bool(number % 8 < 4)):
            batched.subscribe(user_id, newsletter)

    with batched.requests() as requests:
        batched.work()

    assert (requests.count(IMPORT), requests.count("POST /v3/contacts")) == (4, 0)


def test_opt_outs_of_which_one_in_many_can_go_together_lease_few_in_vain(batched: Pipeline, leased: list[str]) -> None:
    for number, user_id in enumerate(PEOPLE):
        batched.subscribe(user_id, OTHERS[number % len(OTHERS)])
    batched.work()
    for user_id in PEOPLE:
        for newsletter in OTHERS:
            batched.unsubscribe(user_id, newsletter)
    leased.clear()

    batched.work()

    assert [batched.lists(user_id) for user_id in PEOPLE] == [set()] * len(PEOPLE)
    assert len(leased) <= 27 * len(PEOPLE), "a batch begins with 25: where few of them fit, it goes on alone"
