"""Who agrees in the fast comparison agrees in full, whatever state, contact and configuration are."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from sync_tasks.domain.contact import Block, RemoteContact, RemoteState
from sync_tasks.domain.diff import desired_of
from sync_tasks.domain.events import Json
from sync_tasks.domain.mapping import AccountMapping, Subscribable
from sync_tasks.reconcile.drift import Drift, find_drift
from sync_tasks.reconcile.fast_path import FastComparison, _same
from sync_tasks.state.codec import load_contact

STAMPS = ("1700000000000001", "1700000000000002")
USER, ID, NOW = "anna", 7, "1700000000000003"
PLAIN: tuple[Json, ...] = ("", None, "Anna", "Ünal\n", True, False, 0, 1, 12345678901234567890, ["a", "b"])
LIKE_OTHERS: tuple[Json, ...] = (1.0, 0.0, 1e300, "null", '""', "1", {"b": 1, "a": 2})

mappings = st.builds(
    lambda lists, flags, hands, attributes, renamed, former: AccountMapping(
        {
            slug: Subscribable(*both)
            for slug, both in zip(("daily", "weekly"), zip(lists, flags, *hands, strict=True), strict=False)
        },
        attributes,
        account="default",
        renamed=renamed,
        earlier=former,
    ),
    st.permutations([3, 5, 9]),
    st.tuples(*[st.sampled_from([None, f"OFF_{number}"]) for number in range(3)]),
    # Retired or not, managed by hand or not, moved from another account or not.
    st.tuples(
        *[st.tuples(*[st.booleans()] * 3)] * 2,
        st.tuples(*[st.sampled_from([(), (), (("other", 4),)])] * 3),
    ),
    st.sampled_from([{"first_name": "FIRSTNAME", "age": "AGE"}, {"age": "FIRSTNAME"}, {}]),
    st.sampled_from([{}, {"gone": "daily"}, {"gone": "weekly", "dead": "weekly"}]),
    st.sampled_from([{}, {"gone": frozenset({77})}]),
)


def registers(values: tuple[Json, ...]) -> st.SearchStrategy[dict[str, str]]:
    """Return what a state may wish."""
    texts = {
        "address": ["anna@portal.org", "ben@portal.org"],
        "n:daily": ["s", "u"],
        "n:weekly": ["s", "u"],
        "n:gone": ["s", "u"],
        "n:dead": ["s", "u"],
        "t:dead": ["s", "u"],
        **{
            f"a:{name}": [json.dumps(value, ensure_ascii=False) for value in values]
            for name in ("first_name", "age", "gone")
        },
    }
    wishes = {
        name: st.builds(str.__add__, st.sampled_from(STAMPS), st.sampled_from(each)) for name, each in texts.items()
    }
    return st.fixed_dictionaries({}, optional=wishes)


known = st.fixed_dictionaries(
    {"s:default:id": st.sampled_from(["7", "7", "7", "-", "70"]), "rev": st.just("3"), "latest": st.just(STAMPS[1])},
    optional={
        "s:default:floor": st.sampled_from(STAMPS),
        "s:default:lists": st.sampled_from(["3", "3,5"]),
        "s:default:off": st.sampled_from(["3", "5", "9,77"]),
        "s:default:unlisted": st.sampled_from(["3", "5", "3-7,77", "5-9"]),
        "s:default:address": st.just("ben@portal.org"),
        "s:other:id": st.just("8"),
        "b:default:complaint": st.just(STAMPS[0]),
        "h:eve@portal.org": st.just("1"),
    },
)
TROUBLE = {
    "p:unsubscribe_contact:daily:1700000000000001": "3:1700000000000001",
    "d:unsubscribe_contact:daily:1700000000000001": "1",
    "l:other": "3",
    "lease": f"{NOW}token",
    "unsure": NOW,
    "erased": NOW,
    "g:address": STAMPS[0],
    "g:n:daily": STAMPS[1],
    "s:default:block": f"unsubscribed:{STAMPS[0]}",
    "s:other:block": f"unsubscribed:{STAMPS[0]}",
    "s:other:floor": STAMPS[0],
    "b:other:unsubscribed": STAMPS[1],
    "manual": "1",
    "s:default:spares": "4",
    "s:default:strange": "5",
}
troubles = st.dictionaries(st.sampled_from(sorted(TROUBLE)), st.none(), max_size=1).map(
    lambda chosen: {name: TROUBLE[name] for name in chosen}
)
EDITS: dict[str, Mapping[str, object]] = {
    "nothing": {},
    "list 3 alone": {"lists": frozenset({3})},
    "all lists": {"lists": frozenset({3, 5, 9, 77})},
    "address": {"address": "eve@portal.org"},
    "no address": {"address": None},
    "ext_id": {"ext_id": "ben"},
    "no ext_id": {"ext_id": None},
    "id": {"id": 70},
    "blocked": {"block": Block("unsubscribed", STAMPS[0])},
}


def contact_at_brevo(fields: Mapping[str, str], mapping: AccountMapping) -> RemoteContact:
    """Return the contact as the state wants it."""
    contact = load_contact(USER, fields)
    wanted = desired_of(contact, mapping, RemoteState(ended_up_to=fields.get("s:default:floor", "")))
    return RemoteContact(ID, wanted.address or "x@y.org", USER, frozenset(wanted.subscribed), wanted.attributes, None)


def agrees_in_full(remote: RemoteContact, fields: Mapping[str, str], mapping: AccountMapping) -> bool:
    contact = load_contact(USER, fields)
    troubles = (contact.pending, contact.dead, contact.looks, contact.unknown_since, contact.erased)
    if "lease" in fields or any(troubles) or contact.seen["default"].id != remote.id:
        return False
    return remote.ext_id == USER and not isinstance(find_drift(remote, contact, mapping, NOW), Drift)


@given(
    fields=st.builds(lambda *parts: parts[0] | parts[1] | parts[2], registers(PLAIN + LIKE_OTHERS), known, troubles),
    mapping=mappings,
    before=mappings,
    edit=st.sampled_from(sorted(EDITS)),
    value=st.sampled_from([*PLAIN, *LIKE_OTHERS, "as wished"]),
)
def test_who_agrees_in_the_fast_comparison_agrees_in_full(
    fields: dict[str, str],
    mapping: AccountMapping,
    before: AccountMapping,
    edit: str,
    value: Json,
) -> None:
    """The contact is as an earlier configuration wanted it, or as this one does, with an edit."""
    remote = replace(contact_at_brevo(fields, before), **EDITS[edit])  # type: ignore[arg-type]
    if value != "as wished":
        remote = replace(remote, attributes={**remote.attributes, "FIRSTNAME": value})
    agrees_fast = FastComparison(mapping).agrees(remote, USER, fields)
    event(f"agrees in the fast comparison: {agrees_fast}")
    assert not agrees_fast or agrees_in_full(remote, fields, mapping)


@given(
    fields=st.builds(lambda wishes, seen: wishes | seen, registers(PLAIN), known),
    mapping=mappings,
    edit=st.sampled_from(sorted(EDITS)),
)
def test_of_contacts_without_trouble_the_fast_comparison_shows_as_much_as_a_full_comparison(
    fields: dict[str, str], mapping: AccountMapping, edit: str
) -> None:
    remote = replace(contact_at_brevo(fields, mapping), **EDITS[edit])  # type: ignore[arg-type]
    full = agrees_in_full(remote, fields, mapping) and not remote.block
    event(f"agrees: {full}")
    assert FastComparison(mapping).agrees(remote, USER, fields) is full


@pytest.mark.parametrize("held", ["", None])
@pytest.mark.parametrize("wished", ["", None])
def test_whatever_is_empty_counts_as_not_there_in_the_fast_comparison_too(held: Json, wished: Json) -> None:
    assert _same(held, json.dumps(wished))
    assert not _same(held, "0")
    assert not _same(0, json.dumps(wished))


@pytest.mark.parametrize(("wish", "flag"), [("s", True), ("u", False), ("u", None)])
def test_a_newsletter_whose_attribute_says_something_else_does_not_agree(wish: str, *, flag: bool | None) -> None:
    mapping = AccountMapping({"daily": Subscribable(3, "OFF_0")}, {}, account="default")
    fields = {"rev": "3", "latest": STAMPS[1], "s:default:id": "7", "n:daily": f"{STAMPS[0]}{wish}"}
    remote = contact_at_brevo(fields, mapping)
    assert FastComparison(mapping).agrees(remote, USER, fields)
    edited = replace(remote, attributes={"OFF_0": flag})
    assert not FastComparison(mapping).agrees(edited, USER, fields)
    assert not agrees_in_full(edited, fields, mapping)
