"""Whether a user gets a newsletter, why not, and whether a new subscription would help. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sync_tasks.domain.contact import HARD_BOUNCE, KINDS, Block, Contact, RemoteContact, RemoteState
from sync_tasks.domain.diff import desired_of
from sync_tasks.domain.mapping import AccountMapping
from sync_tasks.domain.opt_outs import block_of
from sync_tasks.domain.timestamps import moment_of
from sync_tasks.state.dead_letters import DeadLetter

# What a new confirmed subscription would do about it.
_HELPS = "a new confirmed subscription would help"
_NO_HELP = "a new subscription would not help"


@dataclass(frozen=True, slots=True)
class HeldAtBrevo:
    """What Brevo holds of a user, as it was read or is remembered; ``skipped``: lists that it does not mail."""

    exists: bool
    lists: frozenset[int] = frozenset()
    block: Block | None = None
    skipped: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a user gets mail of a newsletter; ``since``: when the portal last said something of it (ISO 8601).

    ``because``: why not, or why although the portal did not ask for it. ``helps``: whether a new confirmed
    subscription would, if that is known.
    """

    newsletter: str
    mail: bool
    since: str = ""
    because: str = ""
    helps: bool | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps events from Brevo: the user's dead letters, why the account is paused, which lists it lacks.

    ``held``: subscriptions up to this moment (a stamp) wait for a person.
    """

    letters: tuple[DeadLetter, ...] = ()
    paused: str = ""
    lacking: frozenset[int] = frozenset()
    held: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """One user on one account: what is wished, what is remembered, and what is in the way."""

    contact: Contact
    mapping: AccountMapping
    seen: RemoteState
    trouble: Trouble = Trouble()


def held_of(remote: RemoteContact | None, case: Case) -> HeldAtBrevo:
    """Return what was read."""
    if remote is None:
        return HeldAtBrevo(exists=False)
    block = block_of(remote.block, case.seen, case.contact.opt_outs(case.mapping.account))
    return HeldAtBrevo(
        exists=True, lists=remote.lists, block=block, skipped=frozenset(remote.opted_out or ()) & remote.lists
    )


def remembered(seen: RemoteState) -> HeldAtBrevo:
    """Return what the pipeline remembers."""
    return HeldAtBrevo(seen.id is not None, seen.lists, seen.block, seen.skipped)


def find_standings(case: Case, held: HeldAtBrevo) -> list[Standing]:
    """Return how a living user stands with each newsletter of an account that somebody spoke of."""
    wishes, standings = case.mapping.subscriptions(case.contact), list[Standing]()
    for slug, newsletter in sorted(case.mapping.newsletters.items()):
        reached = newsletter.list_id in held.lists - held.skipped and held.block is None
        since, wished = wishes.get(slug, ("", False))
        if since and wished:
            why = next(_obstacles(slug, since, case, held), ("", None))
            standings.append(Standing(slug, not why[0], _shown(since), *why))
        elif since:
            reason = f"unsubscribed on {_day(since)} by the portal"
            reason += f", still on list {newsletter.list_id}" if reached else ""
            standings.append(Standing(slug, reached, _shown(since), reason, None if reached else True))
        elif reached:
            standings.append(Standing(slug, mail=True, because="put on its list at Brevo"))
    return standings


def _obstacles(slug: str, since: str, case: Case, held: HeldAtBrevo) -> Iterator[tuple[str, bool | None]]:
    """Yield what keeps a subscriber from the mail, and whether a new subscription would help; the gravest first."""
    newsletter, mapping = case.mapping.newsletters[slug], case.mapping
    number = newsletter.list_id
    if number in case.trouble.lacking | mapping.absent:
        yield f"account {mapping.account} has no list {number}", False
    if since <= case.trouble.held and number not in held.lists:
        yield "the state is on hold: see `sync-tasks state show`", True
    yield from _opt_outs(number, since, case, held)
    if held.exists and number in held.lists:
        return
    yield from _on_its_way(slug, case)
    if newsletter.retired:
        yield "the newsletter is retired", False
    yield "Brevo holds no contact" if not held.exists else f"not on list {number} at Brevo; a comparison mends it", None


def _opt_outs(number: int, since: str, case: Case, held: HeldAtBrevo) -> Iterator[tuple[str, bool | None]]:
    """Yield what was ended at Brevo, of the whole account or of one list."""
    lifting = held.block and held.block.kind == KINDS[0] and since > held.block.latest
    if held.block and not (lifting and case.contact.pending):
        yield _describe_block(held.block)
    if number in desired_of(case.contact, case.mapping, case.seen).unsubscribed:
        moment = case.seen.list_ended_up_to(number)
        yield f"opted out at Brevo{f' on {_day(moment)}' if moment else ''}, after the subscription", True
    if number in held.skipped:
        yield f"unsubscribed from list {number} alone, at Brevo", True
    if lifting:
        yield from _on_its_way("", case)


def _on_its_way(slug: str, case: Case) -> Iterator[tuple[str, bool | None]]:
    """Yield that the wish has not arrived: it waits, or is a dead letter."""
    letters, mapping = case.trouble.letters, case.mapping
    own = [letter for letter in letters if mapping.renamed.get(letter.newsletter, letter.newsletter) == slug]
    for letter in own or letters:
        yield f"{letter.task} is dead letter {letter.id} ({letter.error})", None
    if case.contact.pending:
        yield f"it is on its way{f', account {mapping.account} is paused' if case.trouble.paused else ''}", None


def _describe_block(block: Block) -> tuple[str, bool]:
    reasons = ", ".join(f"{kind} since {_day(moment)}" for kind, moment in block.reasons.items())
    if block.kind == HARD_BOUNCE:
        return f"blocklisted at Brevo ({reasons}); another address would help", False
    return f"blocklisted at Brevo ({reasons})", block.kind == KINDS[0]


def sum_up(standings: Iterable[Standing]) -> str:
    """Return one line: of what a user gets mail, and of what none, and why."""
    standings = list(standings)
    if not standings:
        return "gets no mail: the portal never spoke of a newsletter"
    mail = [_describe_mail(one) for one in standings if one.mail]
    none = [_describe_none(one) for one in standings if not one.mail]
    parts = [f"gets mail of {', '.join(mail)}"] if mail else []
    return "; ".join([*parts, *none])


def _describe_mail(one: Standing) -> str:
    reason = one.because or (f"since {one.since[:10]}" if one.since else "")
    return f"{one.newsletter} ({reason})" if reason else one.newsletter


def _describe_none(one: Standing) -> str:
    helps = {True: f" ({_HELPS})", False: f" ({_NO_HELP})", None: ""}[one.helps]
    return f"gets none of {one.newsletter} because {one.because}{helps}"


def _shown(stamp: str) -> str:
    return moment_of(stamp).isoformat()


def _day(stamp: str) -> str:
    return f"{moment_of(stamp):%Y-%m-%d %H:%M} UTC"
