"""What is read of the state for a comparison."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import RemoteContact
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.ext_ids import ExtIds
from sync_tasks.reconcile.comparison import Comparison
from sync_tasks.reconcile.ownership import BRIEFLY, find_users, read_calm, walk_state
from tests.support.pipeline import Pipeline, address_of


def test_fields_are_read_of_users_who_are_known_and_not_dirty(pipeline: Pipeline) -> None:
    for user in ("anna", "ben"):
        pipeline.subscribe(user, "daily")
    pipeline.work()
    pipeline.update("ben", first_name="Ben")
    strangers = [f"stranger-{number}" for number in range(2 * BRIEFLY)]
    calm = read_calm(["ben", *strangers, "anna"], pipeline.store)
    assert calm == {"anna": pipeline.store.redis.hgetall(pipeline.store.key("contacts:anna"))}


def test_the_user_of_each_contact_is_known_by_its_id(pipeline: Pipeline) -> None:
    users = [f"user-{number}" for number in range(20)]
    for user in users:
        pipeline.subscribe(user, "daily")
    pipeline.work()
    pipeline.subscribe("nobody-at-brevo-yet", "daily")
    holders = walk_state(pipeline.store, pipeline.resources.mappings["default"]).holders
    assert {holders.user_of(int(str(held["id"]))) for held in pipeline.brevo.contacts()} == set(users)
    assert sorted(holders.missing()) == sorted(users)
    assert list(walk_state(pipeline.store, AccountMapping({}, {}, account="other")).holders.missing()) == []


def test_what_another_configuration_wants_is_found_though_brevo_is_as_we_left_it(pipeline: Pipeline) -> None:
    pipeline.subscribe("anna", "daily", first_name="Anna")
    pipeline.work()
    context, mapping = pipeline.resources, pipeline.resources.mappings["default"]
    moved = replace(mapping, newsletters={**mapping.newsletters, "daily": Subscribable(9)})
    renamed = replace(mapping, attributes={**mapping.attributes, "first_name": "NAME"})
    found = []
    for other in (mapping, moved, renamed):
        comparison = Comparison("default", replace(context, mappings={"default": other}), dry=True)
        comparison.run()
        found.append(dict(comparison.kinds))
    assert found == [{}, {"missing on list": 1}, {"attribute": 1}]


@pytest.mark.parametrize(
    ("address", "ext_id", "user", "claimed"),
    [
        ("anna", "anna", "anna", ""),
        ("anna", None, "anna", ""),
        ("anna", "nobody", "anna", ""),
        ("anna", "ben", "", "ben"),
        ("anna", "shop-ben", "ben", ""),
        ("otto", "ben", "", "ben"),
        ("otto", "shop-ben", "ben", ""),
        ("otto", "shop-nobody", "", ""),
    ],
)
def test_an_ext_id_that_anybody_may_write_claims_a_contact_and_proves_nothing(
    pipeline: Pipeline, address: str, ext_id: str | None, user: str, claimed: str
) -> None:
    for known in ("anna", "ben"):
        pipeline.subscribe(known, "daily")
    holders = walk_state(pipeline.store, pipeline.resources.mappings["default"]).holders
    remote = RemoteContact(70, address_of(address), ext_id, frozenset(), {}, None)
    users, claims = find_users([remote], holders, pipeline.store, ExtIds("shop-{user_id}", ("{user_id}",)))
    assert (users.get(70, ""), claims.get(70, "")) == (user, claimed)
