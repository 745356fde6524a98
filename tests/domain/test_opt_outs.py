"""What is left of a block at an address: a bounce ends with the one it was of, nothing else does."""

import pytest

from sync_tasks.domain.contact import Block
from sync_tasks.domain.opt_outs import mark_of, standing
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
