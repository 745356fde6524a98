"""What is left of a block at an address: a bounce ends with the one it was of, nothing else does."""

from dataclasses import replace

import pytest

from sync_tasks.domain.contact import Block, RemoteState
from sync_tasks.domain.opt_outs import (
    block_of,
    end_block,
    make_block,
    mark_of,
    note_bounce,
    notice_end,
    settle_block,
    standing,
)
from tests.support.saying import ADA, BEA, blocked, stamp

BOUNCED = blocked(5, "hard_bounce")
OVER_AN_OPT_OUT = Block("hard_bounce", stamp(5), (("unsubscribed", stamp(3)),))
OF_ADA = {mark_of(ADA): stamp(5)}


@pytest.mark.parametrize(
    ("block", "address", "since", "bounced", "left"),
    [
        pytest.param(BOUNCED, BEA, stamp(6), OF_ADA, None, id="another address, confirmed later"),
        pytest.param(BOUNCED, BEA, stamp(5), OF_ADA, BOUNCED, id="a tie keeps the block"),
        pytest.param(BOUNCED, BEA, stamp(4), OF_ADA, BOUNCED, id="confirmed before the bounce"),
        pytest.param(BOUNCED, ADA, stamp(6), OF_ADA, BOUNCED, id="the same address"),
        pytest.param(BOUNCED, BEA, stamp(6), {**OF_ADA, mark_of(BEA): stamp(1)}, BOUNCED, id="it bounced once, too"),
        pytest.param(BOUNCED, BEA, stamp(6), {}, BOUNCED, id="nobody knows of which address it was"),
        pytest.param(BOUNCED, None, "", OF_ADA, BOUNCED, id="no address is wished"),
        pytest.param(OVER_AN_OPT_OUT, BEA, stamp(6), OF_ADA, blocked(3), id="an opt-out under it stays"),
        pytest.param(blocked(5), BEA, stamp(6), OF_ADA, blocked(5), id="an unsubscription"),
        pytest.param(blocked(5, "complaint"), BEA, stamp(6), OF_ADA, blocked(5, "complaint"), id="a complaint"),
        pytest.param(None, BEA, stamp(6), OF_ADA, None, id="no block"),
    ],
)
def test_only_a_bounce_ends_with_its_address_and_only_if_another_was_confirmed_later(
    block: Block | None, address: str | None, since: str, bounced: dict[str, str], left: Block | None
) -> None:
    assert standing(block, address, since, bounced) == left


HELD = RemoteState(7, ADA, frozenset({3}))
AN_HOUR = 60
JUST = 1 / 60_000_000


@pytest.mark.parametrize(
    ("others", "kind"),
    [
        ({"complaint": 100 + AN_HOUR}, "complaint"),
        ({"complaint": 100 + AN_HOUR + JUST}, None),
        ({"complaint": 100 + AN_HOUR + JUST, "unsubscribed": 100}, "complaint"),
        ({"unsubscribed": 100 + AN_HOUR + JUST}, None),
    ],
)
def test_a_reason_explains_a_block_up_to_an_hour_after_it_began(others: dict[str, float], kind: str | None) -> None:
    unexplained = replace(HELD, block=blocked(100, "unknown"))
    reported = {name: stamp(minute) for name, minute in others.items()}
    found = block_of(replace(blocked(100, "unknown"), guessed=True), unexplained, reported)
    assert found is not None
    assert ("unknown" in found.reasons) is (kind is None)
    assert set(found.reasons) - {"unknown"} == set(others)
    assert found.kind == (kind or max((*others, "unknown"), key=["unsubscribed", "unknown", "complaint"].index))


@pytest.mark.parametrize(("early", "counts"), [(AN_HOUR, False), (AN_HOUR - JUST, True)])
def test_a_reason_counts_from_less_than_an_hour_before_a_block_began(early: float, *, counts: bool) -> None:
    found = block_of(blocked(100), None, {"complaint": stamp(100 - early)})
    assert found is not None
    assert ("complaint" in found.reasons) is counts


@pytest.mark.parametrize(("late", "counts"), [(AN_HOUR, False), (AN_HOUR + JUST, True)])
def test_a_reason_that_ended_counts_again_more_than_an_hour_later(late: float, *, counts: bool) -> None:
    before = replace(HELD, block=blocked(100), over={"complaint": stamp(100)})
    found = block_of(blocked(100), before, {"complaint": stamp(100 + late)})
    assert found is not None
    assert ("complaint" in found.reasons) is counts


def test_a_click_of_the_person_replaces_the_moment_of_an_opt_out() -> None:
    clicked = replace(blocked(5), clicked=stamp(9))
    assert block_of(clicked, replace(HELD, block=blocked(5)), {}) == blocked(9)
    assert block_of(clicked, replace(HELD, block=blocked(5), over={"unsubscribed": stamp(9)}), {}) == blocked(5)


def test_the_gravest_reason_names_a_block_and_one_that_nobody_knows_does_not() -> None:
    kinds = ["unsubscribed", "unknown", "complaint", "hard_bounce"]
    for number, kind in enumerate(kinds, 1):
        milder = dict.fromkeys(kinds[:number], stamp(1))
        assert make_block(milder).kind == make_block(dict(reversed(milder.items()))).kind == kind
    assert make_block({"unknown": stamp(1), "odd": stamp(2)}).kind == "unknown"
    assert make_block({"odd": stamp(2), "unknown": stamp(1)}).kind == "unknown"
    assert make_block({"unsubscribed": stamp(1), "odd": stamp(2)}) == Block(
        "unsubscribed", stamp(1), (("odd", stamp(2)),)
    )


def test_the_moments_of_a_block_are_those_of_its_reasons() -> None:
    block = Block("hard_bounce", stamp(5), (("complaint", stamp(2)), ("unsubscribed", stamp(4))))
    assert (block.began, block.latest, block.opted_out) == (stamp(2), stamp(5), stamp(4))
    assert BOUNCED.opted_out == ""
    later = Block("complaint", stamp(1), (("unsubscribed", stamp(7)),))
    assert (later.began, later.latest, later.opted_out) == (stamp(1), stamp(7), stamp(7))


def test_what_ends_with_a_block_does_not_count_again() -> None:
    assert end_block(HELD) is HELD
    seen = replace(HELD, block=OVER_AN_OPT_OUT, over={"unsubscribed": stamp(4), "complaint": stamp(1)})
    over = {"unsubscribed": stamp(4), "complaint": stamp(1), "hard_bounce": stamp(5)}
    assert end_block(seen) == replace(HELD, over=over)


def test_a_bounce_is_of_the_address_at_which_it_was_first_seen() -> None:
    seen = replace(HELD, block=BOUNCED)
    noted = note_bounce(seen)
    assert noted == replace(seen, bounced=OF_ADA)
    moved = replace(noted, address=BEA)
    assert note_bounce(moved) is moved
    again = note_bounce(replace(moved, block=blocked(8, "hard_bounce")))
    assert again.bounced == {**OF_ADA, mark_of(BEA): stamp(8)}
    assert note_bounce(HELD) is HELD
    assert note_bounce(opted_out := replace(HELD, block=blocked(5))) is opted_out


def test_a_bounce_is_over_once_the_contact_has_another_address() -> None:
    bounced = {**OF_ADA, "another": stamp(2)}
    seen = replace(HELD, address=BEA, block=OVER_AN_OPT_OUT, bounced=bounced)
    assert settle_block(seen, BEA, stamp(6)) == replace(seen, block=blocked(3), over={"hard_bounce": stamp(5)})
    for left_alone in (settle_block(seen, ADA, stamp(6)), settle_block(seen, BEA, stamp(5))):
        assert left_alone == seen
    assert settle_block(bare := replace(seen, block=BOUNCED), BEA, stamp(6)) == bare
    assert settle_block(replace(HELD, block=BOUNCED), ADA, stamp(6)).bounced == OF_ADA


@pytest.mark.parametrize(
    ("seen", "before"),
    [
        pytest.param(HELD, HELD, id="there was none"),
        pytest.param(replace(HELD, block=blocked(4)), replace(HELD, block=blocked(4)), id="it is there"),
        pytest.param(HELD, replace(HELD, id=8, block=blocked(4)), id="of another contact"),
    ],
)
def test_no_block_of_a_contact_was_lifted(seen: RemoteState, before: RemoteState) -> None:
    assert notice_end(seen, before) is seen


@pytest.mark.parametrize(("known", "unblocked"), [(stamp(2), stamp(3)), (stamp(4), stamp(4))])
def test_a_block_that_somebody_lifted_is_over_up_to_its_opt_out(known: str, unblocked: str) -> None:
    over = {"hard_bounce": stamp(5), "unsubscribed": stamp(3)}
    found = notice_end(replace(HELD, unblocked=known), replace(HELD, block=OVER_AN_OPT_OUT))
    assert found == replace(HELD, over=over, unblocked=unblocked)
