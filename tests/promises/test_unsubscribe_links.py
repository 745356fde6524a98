"""The token of the portal's own unsubscribe link: with every contact, and written once."""

from collections.abc import Callable
from typing import Any

import pytest

from sync_tasks.errors import InvalidLinkError
from sync_tasks.link_tokens import RENEWAL_NIGHTS, LinkToken, longest_id, parse_token
from sync_tasks.rate_limits.limiter import Limiter
from sync_tasks.reconcile.census import read_census
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.history import Run
from sync_tasks.reconcile.run import Scope, reconcile
from sync_tasks.sandbox import Sandbox
from tests.support.loading import Loader, Meddling, people
from tests.support.pipeline import MakePipeline, Pipeline

NAME = "UNSUBSCRIBE_TOKEN"
OLD, NEW = "an-old-secret-of-32-characters-or-more", "a-new-secret-of-32-characters-or-more!"

WithLinks = Callable[..., Pipeline]


@pytest.fixture
def with_links(make_pipeline: MakePipeline) -> WithLinks:
    """Build a pipeline whose contacts get tokens that these secrets sign."""

    def make(*secrets: str, limiter: type[Limiter] = Limiter, **more: Any) -> Pipeline:
        return make_pipeline(limiter, unsubscribe={"secrets": secrets or (OLD,), **(more or {"attribute": NAME})})

    return make


def token_of(pipeline: Pipeline, user_id: str) -> str:
    return str(pipeline.held(user_id)["attributes"].get(NAME, ""))


def compare(pipeline: Pipeline) -> Run:
    (run,) = reconcile(pipeline.resources, Scope())
    pipeline.work()
    return run


def test_a_new_contact_has_a_token_that_says_whose_it_is(with_links: WithLinks) -> None:
    pipeline = with_links()
    pipeline.subscribe("anna")
    pipeline.work()
    assert parse_token(token_of(pipeline, "anna"), (OLD,)) == LinkToken("anna", "default")


def test_a_token_for_one_newsletter_names_it(with_links: WithLinks) -> None:
    pipeline = with_links(attributes={"daily": NAME})
    pipeline.subscribe("anna")
    pipeline.work()
    assert parse_token(token_of(pipeline, "anna"), (OLD,)) == LinkToken("anna", "default", "daily")


def test_a_comparison_finds_nothing_to_write_where_the_token_is_there(with_links: WithLinks) -> None:
    pipeline = with_links()
    pipeline.subscribe("anna")
    pipeline.work()
    with pipeline.requests() as requests:
        assert compare(pipeline).found == {}
    assert set(requests) == {"GET /v3/contacts"}


def test_an_older_contact_gets_its_token_when_it_is_touched(pipeline: Pipeline, with_links: WithLinks) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    later = with_links()
    later.subscribe("anna", "weekly")
    later.work()
    assert parse_token(token_of(later, "anna"), (OLD,)).user_id == "anna"


def test_a_comparison_gives_older_contacts_their_tokens_once(pipeline: Pipeline, with_links: WithLinks) -> None:
    pipeline.subscribe("anna")
    pipeline.work()
    later = with_links()
    assert compare(later).found == {"attribute": 1}
    assert parse_token(token_of(later, "anna"), (OLD,)).user_id == "anna"
    assert compare(later).found == {}


def test_a_first_load_brings_tokens(loader: Loader, with_links: WithLinks) -> None:
    loader.pipeline = with_links(limiter=Meddling)
    loader.backfill(*people(12))
    loader.work()
    assert {parse_token(token_of(loader.pipeline, f"u{n}"), (OLD,)).user_id for n in range(12)} == {
        f"u{n}" for n in range(12)
    }


def test_after_a_new_secret_each_night_renews_a_part_of_the_tokens_once(
    with_links: WithLinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, users = with_links(), [f"u{number}" for number in range(40)]
    for user in users:
        before.subscribe(user)
    before.work()
    rotated, renewed = with_links(NEW, OLD), list[int]()
    for night in range(RENEWAL_NIGHTS):
        monkeypatch.setattr(Comparison, "night", night)
        renewed.append(compare(rotated).found.get("attribute", 0))
        assert all(parse_token(token_of(rotated, user), (NEW, OLD)).user_id == user for user in users)
    assert sum(renewed) == len(users)
    assert max(renewed) < len(users) / 4
    assert all(parse_token(token_of(rotated, user), (NEW,)).user_id == user for user in users)
    # The next round finds nothing, nor does anything of the older secret stand in the way once it is taken away.
    monkeypatch.setattr(Comparison, "night", 0)
    assert compare(rotated).found == compare(with_links(NEW)).found == {}


def test_after_a_new_secret_whoever_is_touched_has_the_new_token(with_links: WithLinks) -> None:
    before = with_links()
    before.subscribe("anna")
    before.work()
    rotated = with_links(NEW, OLD)
    with rotated.requests() as requests:
        rotated.update("anna", first_name="Anna")
        rotated.work()
    assert parse_token(token_of(rotated, "anna"), (NEW,)).user_id == "anna"
    assert [one for one in requests if not one.startswith("GET")] == ["PUT /v3/contacts/{id}"]


def test_a_difference_beside_an_older_token_is_found_in_any_night(with_links: WithLinks, brevo: Sandbox) -> None:
    before = with_links()
    for user in ("anna", "ben"):
        before.subscribe(user)
        before.work()
        brevo.edit(f"{user}@portal.org", {"unlinkListIds": [3]})
    assert compare(with_links(NEW, OLD)).found["missing on list"] == 2


def test_if_the_old_secret_is_gone_every_token_is_written_at_once(with_links: WithLinks) -> None:
    before = with_links()
    for user in ("anna", "ben", "carl"):
        before.subscribe(user)
    before.work()
    assert compare(with_links(NEW)).found == {"attribute": 3}


def test_the_token_is_erased_with_the_person(with_links: WithLinks, brevo: Sandbox) -> None:
    pipeline = with_links()
    pipeline.subscribe("anna")
    pipeline.work()
    pipeline.anonymize("anna")
    pipeline.work()
    (contact,) = brevo.contacts()
    attributes: Any = contact["attributes"]
    with pytest.raises(InvalidLinkError):
        parse_token(attributes[NAME], (OLD,))


def test_a_contact_that_goes_to_another_person_has_that_persons_token(with_links: WithLinks, brevo: Sandbox) -> None:
    pipeline = with_links()
    pipeline.subscribe("old", email="shared@portal.org")
    pipeline.work()
    pipeline.anonymize("old")
    pipeline.subscribe("new", email="shared@portal.org")
    pipeline.work()
    assert parse_token(token_of(pipeline, "new"), (OLD,)).user_id == "new"
    reported = [str(contact["attributes"]) for contact in brevo.contacts()]
    assert not any("default..old." in text for text in reported)
    assert compare(pipeline).found == {}


def test_an_inherited_contact_loses_the_former_persons_token(with_links: WithLinks, brevo: Sandbox) -> None:
    pipeline = with_links()
    left = {"FIRSTNAME": "Otto", NAME: "default..old.of-before"}
    brevo.add_contacts([{"email": "shared@portal.org", "ext_id": "old", "attributes": left, "listIds": [5]}])
    pipeline.subscribe("new", email="shared@portal.org")
    pipeline.work()
    pipeline.anonymize("old", email="shared@portal.org")
    pipeline.work()
    assert parse_token(token_of(pipeline, "new"), (OLD,)).user_id == "new"
    assert compare(pipeline).found == {}


def test_without_an_attribute_nothing_is_written(with_links: WithLinks) -> None:
    pipeline = with_links(titles={"daily": "Daily News"})
    pipeline.subscribe("anna")
    pipeline.work()
    assert token_of(pipeline, "anna") == ""


def test_users_whose_ids_are_too_long_for_a_token_are_counted(with_links: WithLinks) -> None:
    pipeline, fits = with_links(), longest_id("default", "")
    for user_id in ("x" * fits, "x" * (fits + 1), "ä" * 40):
        pipeline.subscribe(user_id, email=f"{len(user_id)}@portal.org")
    pipeline.work()
    assert [bool(pipeline.held(user_id)["attributes"].get(NAME)) for user_id in ("x" * fits, "x" * (fits + 1))] == [
        True,
        False,
    ]
    compare(pipeline)
    census = read_census(pipeline.store)
    assert census.links == {NAME: 2}
    assert "2 users have ids too long" in census.lines[0]
