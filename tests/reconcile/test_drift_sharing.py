"""Most of an account may differ: what many drifts have in common is in memory once."""

import sys
from dataclasses import replace

from sync_tasks.domain.contact import RemoteState
from sync_tasks.reconcile.drift import Drift, Sharing

OTHER_SETS = ("extra_contact_ids", "foreign_lists", "skipped", "former", "foreign", "edited")


def found(number: int) -> Drift:
    """Return the drift of somebody, as a page of an account with many newsletters shows it."""
    seen = RemoteState(
        number,
        f"user-{number}@portal.org",
        frozenset(range(2)),
        f"digest {number}",
        absent_lists=frozenset(range(2, 500)),
        read_at="1700",
    )
    # As rules compute them: equal ones that are empty are no one object.
    seen = replace(seen, **{name: frozenset([number]) - {number} for name in OTHER_SETS})  # type: ignore[arg-type]
    return Drift(("missing on list",), f"user-{number}", number, "3", seen, frozenset({number % 2}), why=" ".join("ab"))


def test_a_drift_is_as_it_was_found() -> None:
    sharing = Sharing()
    assert [sharing.share(found(number)) for number in range(4)] == [found(number) for number in range(4)]


def test_what_is_equal_in_two_drifts_is_one_object() -> None:
    sharing = Sharing()
    first, other = sharing.share(found(2)), sharing.share(found(4))
    assert first.seen
    assert other.seen
    assert first.seen.absent_lists is other.seen.absent_lists
    assert first.seen.lists is other.seen.lists
    assert first.seen.ended is other.seen.ended
    assert (first.lists is other.lists, first.why is other.why) == (True, True)


def test_of_a_thousand_drifts_each_takes_less_than_a_kilobyte_however_many_newsletters_there_are() -> None:
    sharing = Sharing()
    drifts = [sharing.share(found(number)) for number in range(1000)]
    objects = dict[int, object]()
    for drift in drifts:
        parts = [drift, *(getattr(drift, name) for name in drift.__slots__)]
        parts += [getattr(drift.seen, name) for name in RemoteState.__slots__]
        objects |= {id(part): part for part in parts}
    assert sum(map(sys.getsizeof, objects.values())) / len(drifts) < 700
