"""Who says what in a burst: the events of each, for the pipeline and for the naive app alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

NEWSLETTERS = ("daily", "weekly", "monthly", "sports", "culture")
# Of a hundred events of a mixed day, so many are sign-ups of new people, opt-outs, updates and erasures.
MIXED = {"subscribe": 60, "unsubscribe": 15, "update": 20, "anonymize": 5}


@dataclass(frozen=True)
class Saying:
    """One event: the verb, of whom, and what is said."""

    verb: str
    user: str
    said: dict[str, Any]


def sign_ups(count: int) -> Iterator[Saying]:
    """New people, each for one newsletter."""
    return (_sign_up(f"new-{number}", "daily") for number in range(count))


def sign_ups_for_all(count: int) -> Iterator[Saying]:
    """New people, each for five newsletters."""
    return (_sign_up(f"new-{number}", newsletter) for number in range(count // 5) for newsletter in NEWSLETTERS)


def opt_outs(count: int) -> Iterator[Saying]:
    """Known people leave the same newsletter."""
    return (Saying("unsubscribe", f"known-{number}", {"newsletter": "daily"}) for number in range(count))


def flagged_opt_outs(count: int) -> Iterator[Saying]:
    """Known people leave a newsletter that has an attribute for opt-outs."""
    return (Saying("unsubscribe", f"known-{number}", {"newsletter": "offers"}) for number in range(count))


def updates(count: int) -> Iterator[Saying]:
    """Known people change their name."""
    return (Saying("update", f"known-{number}", {"first_name": "Augusta"}) for number in range(count))


def new_addresses(count: int) -> Iterator[Saying]:
    """Known people have a new address."""
    return (
        Saying("update", f"known-{number}", {"new_email": f"moved-{number}@portal.example"}) for number in range(count)
    )


def unknown_opt_outs(count: int) -> Iterator[Saying]:
    """People whom Brevo has and the state does not leave the same newsletter."""
    return (
        Saying("unsubscribe", f"known-{number}", {"newsletter": "daily", "knows": "address"}) for number in range(count)
    )


def mixed_day(count: int) -> Iterator[Saying]:
    """Everything in the order of chance; whoever is known says one thing."""
    verbs = [verb for verb, share in MIXED.items() for _ in range(count * share // 100)]
    Random(1).shuffle(verbs)
    for number, verb in enumerate(verbs):
        if verb == "subscribe":
            yield _sign_up(f"new-{number}", "daily")
        else:
            said = {"unsubscribe": {"newsletter": "daily"}, "update": {"first_name": "Augusta"}}.get(verb, {})
            yield Saying(verb, f"known-{number}", said)


def _sign_up(user: str, newsletter: str) -> Saying:
    return Saying("subscribe", user, {"newsletter": newsletter, "first_name": "Ada", "last_name": "Lovelace"})


def address_of(user: str) -> str:
    """Return the address of somebody who does not exist."""
    return f"{user}@portal.example"


def report_to_pipeline(saying: Saying) -> None:
    """Say it to the pipeline, as a portal does."""
    import sync_tasks

    said = dict(saying.said)
    if saying.verb == "subscribe" or said.pop("knows", ""):
        said["email"] = address_of(saying.user)
    if new := said.pop("new_email", ""):
        said |= {"email": new, "previous_email": address_of(saying.user)}
    getattr(sync_tasks, f"{saying.verb}_contact").delay(user_id=saying.user, **said)


def report_to_naive(saying: Saying) -> None:
    """Say it to the naive app."""
    from benchmarks import naive

    said = saying.said | {"email": address_of(saying.user)}
    said.pop("knows", "")
    said |= {"user_id": saying.user} if saying.verb == "subscribe" else {}
    said |= {"token": saying.user} if saying.verb == "anonymize" else {}
    verb = "move" if "new_email" in said else saying.verb
    getattr(naive, verb).delay(**said)


Reporter = Callable[[Saying], None]
