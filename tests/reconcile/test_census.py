"""The census: whom the configuration lacks is counted, named with what to do, and somebody who gets nothing alarms."""

import pytest

from sync_tasks.config.settings import Settings, UnsubscribeLink
from sync_tasks.link_tokens import longest_id
from sync_tasks.reconcile.census import MOST, Census, keep_census, read_census
from sync_tasks.state.store import Store

SETTINGS = Settings.model_validate(
    {
        "newsletters": {
            "daily": {"list_id": 3, "former_list_ids": [4], "was": ["morning"]},
            "weekly": {"list_id": 5},
        },
    }
)


def count(store: Store, **counts: int) -> Census:
    keep_census({name.replace("__", ":"): number for name, number in counts.items()}, SETTINGS, store)
    return read_census(store)


def test_before_anybody_counted_nothing_is_known(store: Store) -> None:
    census = read_census(store)
    assert (census, census.lines, census.alarms) == (Census(), [], [])


def test_what_the_configuration_has_is_no_finding(store: Store) -> None:
    known = {"n__daily": 5, "n__morning": 2, "a__weekly": 3, "l__default__3": 5, "l__default__4": 1, "s__default": 5}
    census = count(store, **known)
    assert (census.lines, census.alarms, bool(census.counted)) == ([], [], True)


@pytest.mark.parametrize(
    ("counts", "name", "found", "advice"),
    [
        (
            {"n__gone": 1200},
            "unknown: gone",
            "1,200 users wish newsletter gone, 0 have it subscribed",
            "retired = true",
        ),
        (
            {"l__default__9": 2},
            "unknown: default:9",
            "2 users are known on list 9 of account default",
            "former_list_ids",
        ),
        ({"s__other": 4}, "unknown: other", "4 users have a contact on account other", "configure it again"),
    ],
)
def test_what_it_lacks_is_counted_and_the_remedy_named(
    store: Store, counts: dict[str, int], name: str, found: str, advice: str
) -> None:
    (finding,) = count(store, **counts).findings()
    assert finding[0] == name
    assert (found in finding[1], advice in finding[2]) == (True, True)


def test_a_list_of_an_account_that_is_gone_is_one_finding_the_account(store: Store) -> None:
    census = count(store, l__other__9=2, s__other=2)
    assert [name for name, _, _ in census.findings()] == ["unknown: other"]


def test_only_a_living_subscription_alarms(store: Store) -> None:
    census = count(store, n__gone=3, a__gone=2, n__ended=4, a__ended=0)
    assert census.alarms == [
        "2 users subscribed newsletter gone, which the configuration lacks: see `sync-tasks doctor`"
    ]
    assert len(census.lines) == 2


def test_no_more_than_the_most_frequent_are_kept(store: Store) -> None:
    census = count(store, **{f"n__made-up-{number}": number for number in range(1, MOST + 5)})
    assert set(census.newsletters) == {f"made-up-{number}" for number in range(5, MOST + 5)}


def test_only_links_that_somebody_lacks_are_counted(store: Store) -> None:
    linked = SETTINGS.model_copy(update={"unsubscribe": UnsubscribeLink(attribute="LINK", attributes={"daily": "D"})})
    longest = {name: longest_id("default", slug) for name, slug in (("LINK", ""), ("D", "daily"))}
    keep_census({f"i:{longest['D']}": 3, f"i:{longest['D'] + 1}": 2}, linked, store)
    assert read_census(store).links == ({"D": 2} if longest["LINK"] > longest["D"] else {"D": 2, "LINK": 5})
    keep_census({"i:5": 3}, linked, store)
    assert read_census(store).links == {}
