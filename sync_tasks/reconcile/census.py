"""What the state holds of newsletters, lists and accounts that the configuration lacks: counted, not guessed at.

Users whose ids are too long for a token of an unsubscribe link are counted as well.

Keys under ``<namespace>:``: ``census`` what the last comparison counted, kept until the next one counts.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import cast

from sync_tasks.config.settings import Settings
from sync_tasks.link_tokens import longest_id
from sync_tasks.state.store import Store

# So many of each are kept: a portal that makes up a slug for each user shall not fill Redis.
MOST = 20


@dataclass(frozen=True, slots=True)
class Census:
    """By name, how many users each concerns; ``counted`` is the stamp, or empty if nobody has counted yet.

    ``newsletters`` are slugs with any wish, ``subscribed`` those with a living one; ``lists`` are ``account:number``.
    ``links`` are attributes of unsubscribe tokens, with the users whose ids are too long for one.
    """

    counted: str = ""
    newsletters: dict[str, int] = field(default_factory=dict)
    subscribed: dict[str, int] = field(default_factory=dict)
    lists: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    links: dict[str, int] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """What is unknown, one line each."""
        return [line for _, line, _ in self.findings()]

    def findings(self) -> Iterator[tuple[str, str, str]]:
        """Yield the name of each finding, how many users it concerns, and what to do."""
        for slug, number in self.newsletters.items():
            living = self.subscribed.get(slug, 0)
            text = f"{number:,} users wish newsletter {slug}, {living:,} have it subscribed; the configuration lacks it"
            advice = "name it in `was` of the newsletter it became, or keep it with `retired = true`"
            yield f"unknown: {slug}", text, advice
        for name, number in self.lists.items():
            account, _, listed = name.rpartition(":")
            text = f"{number:,} users are known on list {listed} of account {account}, which no newsletter has"
            advice = "name it in `former_list_ids` of the newsletter that had it: nobody leaves it before"
            yield f"unknown: {name}", text, advice
        for account, number in self.accounts.items():
            text = f"{number:,} users have a contact on account {account}, which the configuration lacks"
            yield f"unknown: {account}", text, "no opt-out and no erasure reaches it: configure it again"
        for attribute, number in self.links.items():
            text = f"{number:,} users have ids too long for a token in {attribute}"
            advice = "let the portal name users by shorter ids, or keep Brevo's link in the mails"
            yield f"{attribute}: ids", f"{text}: their unsubscribe link leads nowhere", advice

    @property
    def alarms(self) -> list[str]:
        """Whom nobody sends what they subscribed, one line each."""
        return [
            f"{number:,} users subscribed newsletter {slug}, which the configuration lacks: see `sync-tasks doctor`"
            for slug, number in self.subscribed.items()
            if number
        ]


def keep_census(counts: Mapping[str, int], settings: Settings, store: Store) -> None:
    """Write down what of all that was counted the configuration lacks."""
    watched = {
        f"{account}:{number}"
        for account, newsletters in settings.newsletters_by_account.items()
        for number in {one.list_id for one in newsletters.values()}.union(*settings.former_on(account).values())
    }
    found = {kind: _of_kind(kind, counts) for kind in "nals"}
    for name in [name for name in found["l"] if name.rpartition(":")[0] not in settings.accounts]:
        del found["l"][name]
    census = Census(
        store.now(),
        _most(found["n"], settings.slugs),
        _most(found["a"], settings.slugs),
        _most(found["l"], watched),
        _most(found["s"], settings.accounts.keys()),
        _without_link(counts, settings),
    )
    store.redis.set(store.key("census"), json.dumps(asdict(census)))


def _without_link(counts: Mapping[str, int], settings: Settings) -> dict[str, int]:
    """Return how many users get no token, by the attribute that should hold it."""
    lengths, without = _of_kind("i", counts), dict[str, int]()
    for account in settings.accounts:
        for attribute, slug in settings.link_attributes(account).items():
            longest = longest_id(account, slug)
            without[attribute] = sum(number for length, number in lengths.items() if int(length) > longest)
    return {attribute: number for attribute, number in without.items() if number}


def _of_kind(kind: str, counts: Mapping[str, int]) -> Counter[str]:
    return Counter({name[2:]: number for name, number in counts.items() if name[:2] == f"{kind}:"})


def _most(counted: Counter[str], known: Collection[str]) -> dict[str, int]:
    unknown = Counter({name: number for name, number in counted.items() if name not in known})
    return dict(unknown.most_common(MOST))


def read_census(store: Store) -> Census:
    """Return what the last comparison counted."""
    text = cast("str | None", store.redis.get(store.key("census")))
    return Census(**json.loads(text)) if text else Census()
