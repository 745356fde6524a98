"""A probe of which one answer is wrong says what may be left, and takes no wrong answer for the account's."""

from collections.abc import Callable

import pytest

from sync_tasks.errors import SyncError
from sync_tasks.probe import journal
from sync_tasks.providers.brevo.questions import QUESTIONS
from sync_tasks.providers.brevo.requests import Call
from tests.support.probing import WRONG, Prober, play

# Answers after which the pipeline does more than it would without a probe: these must be the account's own.
GOOD = {
    (one.name, answer) for one in QUESTIONS.values() for answer in one.does if answer not in {one.assumed, *one.worse}
}


@pytest.fixture(autouse=True)
def _brief_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.5)


def probe_wrongly(prober: Prober, nth: int, wrong: str, *, applied: bool) -> None:
    """Let the nth request of a probe be answered wrongly: nothing is left unsaid, and the next run removes it."""
    before = prober.held()
    truth = prober.run().found
    try:
        report = prober.answer_wrongly(lambda number, _: number == nth, WRONG[wrong], applied=applied)
    except SyncError:
        assert (prober.held(), prober.written_down()) == (before, [])
        return
    assert sum(report.requests.values()) <= 80
    assert bool(report.left) == bool(prober.written_down())
    assert report.left or prober.held() == before
    for name, found in report.found.items():
        right = truth[name].answer if name in truth else None
        assert found.answer == right or (name, found.answer) not in GOOD, name
    for key in prober.written_down():
        prober.let_imports_be_old(key)
    assert prober.run().left == []
    assert (prober.held(), prober.written_down()) == (before, [])


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
@pytest.mark.parametrize(("nth", "wrong"), [(nth, list(WRONG)[nth % len(WRONG)]) for nth in range(1, 65, 5)])
def test_one_wrong_answer_leaves_nothing_unsaid(prober: Prober, nth: int, wrong: str, *, applied: bool) -> None:
    probe_wrongly(prober, nth, wrong, applied=applied)


Which = Callable[[int, Call], bool]


def cleaning(part: str, prober: Prober, *, times: int = 1) -> Which:
    """Pick the first looks of the last clean-up at what has this in its path."""
    left = [times]

    def which(_: int, call: Call) -> bool:
        picked = prober.cleaning and call.method == "GET" and part in call.path and left[0] > 0
        left[0] -= picked
        return picked

    return which


@pytest.mark.parametrize("wrong", ["404", "nulls"])
@pytest.mark.parametrize("part", ["/contacts/{", "/contacts/lists/{id}", "/contacts/attributes"])
def test_what_one_look_denies_is_looked_for_again(prober: Prober, part: str, wrong: str) -> None:
    before = prober.held()
    prober.watch_cleaning()
    report = prober.answer_wrongly(cleaning(part, prober), WRONG[wrong], applied=False)
    assert bool(report.left) == (prober.held() != before) == bool(prober.written_down())
    assert wrong != "404" or part == "/contacts/attributes" or report.left == []
    assert prober.run().left == []
    assert prober.held() == before


def sends_address(call: Call) -> bool:
    return call.method == "PUT" and "EMAIL" in str(call.body)


def looks_by_id(call: Call) -> bool:
    return call.method == "GET" and call.path == "/contacts/{id}" and isinstance(call.parts["id"], int)


@pytest.mark.parametrize("wrong", ["400", "404"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, None])
def test_an_address_that_brevo_takes_and_answers_wrongly_is_looked_for(
    prober: Prober, wrong: str, nth: int | None
) -> None:
    """Not even a look by id finds the contact afterwards."""
    before, sent = prober.held(), [0]
    prober.watch_cleaning()

    def which(_: int, call: Call) -> bool:
        sent[0] += sends_address(call)
        return sends_address(call) and nth in {None, sent[0]}

    def wrongly(number: int, call: Call) -> bool:
        return which(number, call) or (prober.cleaning and looks_by_id(call))

    report = prober.answer_wrongly(wrongly, lambda call: WRONG["404" if looks_by_id(call) else wrong], applied=True)
    assert sum(report.requests.values()) <= 80
    assert bool(report.left) == bool(prober.written_down())
    assert report.left or prober.held() == before
    assert prober.run().left == []
    assert prober.held() == before


@pytest.mark.parametrize("wrong", ["nulls", "HTML", "empty"])
def test_a_deletion_without_a_204_is_not_believed(prober: Prober, wrong: str) -> None:
    before = prober.held()
    report = prober.answer_wrongly(lambda _, call: call.method == "DELETE", WRONG[wrong], applied=False)
    assert any("contact" in left for left in report.left)
    assert any("list" in left for left in report.left)
    assert any("attribute" in left for left in report.left)
    assert sum(report.requests.values()) <= 80
    assert prober.run().left == []
    assert prober.held() == before


def test_looks_by_id_that_are_always_denied_leave_no_contact_behind(prober: Prober) -> None:
    before = prober.held()
    prober.watch_cleaning()
    report = prober.answer_wrongly(lambda _, call: prober.cleaning and looks_by_id(call), WRONG["404"], applied=False)
    assert (report.left, prober.held()) == ([], before)


def the_nth(nth: int, matches: Callable[[Call], bool]) -> Which:
    met = [0]

    def which(_: int, call: Call) -> bool:
        met[0] += matches(call)
        return matches(call) and met[0] == nth

    return which


@pytest.mark.parametrize("wrong", ["400", "404"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_block_that_was_refused_is_not_one_that_an_import_lifted(prober: Prober, nth: int, wrong: str) -> None:
    which = the_nth(nth, lambda call: call.body == {"emailBlacklisted": True})
    report = prober.answer_wrongly(which, WRONG[wrong], applied=False)
    found = report.found.get("import_block")
    assert found is None or found.answer == "kept"
    assert report.left == []


def test_an_attribute_that_is_not_made_makes_no_import_slow(prober: Prober) -> None:
    def which(_: int, call: Call) -> bool:
        return call.method == "POST" and str(call.parts.get("name")).endswith("_TEXT")

    report = prober.answer_wrongly(which, WRONG["HTML"], applied=False)
    assert report.found["import_time"].answer == "in time"
    assert "clear_text" not in report.found
    assert report.left == []


@pytest.mark.parametrize("nth", [1, 2])
def test_a_deletion_that_was_done_and_refused_is_settled_by_the_next_run(prober: Prober, nth: int) -> None:
    before = prober.held()
    which = the_nth(nth, lambda call: call.method == "DELETE" and call.path == "/contacts/{id}")
    assert prober.answer_wrongly(which, WRONG["400"], applied=True).left
    report = prober.run()
    assert (report.left, prober.held(), prober.written_down()) == ([], before, [])
    assert sum(report.requests.values()) <= 80


@pytest.mark.parametrize("wrong", ["400", "404", "500"])
def test_a_contact_that_neither_address_nor_ext_id_leads_to_is_among_the_newest(prober: Prober, wrong: str) -> None:
    play(prober.brevo, address_look_finds=False, ext_id_look_finds=False)
    before = prober.held()
    which = the_nth(1, lambda call: call.method == "POST" and call.path == "/contacts")
    prober.answer_wrongly(which, WRONG[wrong], applied=True)
    assert prober.held() == before


def test_an_address_that_was_not_changed_keeps_no_block(prober: Prober) -> None:
    play(prober.brevo, example_addresses_refused=True)
    which = the_nth(1, lambda call: sends_address(call) and "emailBlacklisted" in str(call.body))
    report = prober.answer_wrongly(which, WRONG["400"], applied=False)
    assert "block_left_alone" not in report.found
    assert report.left == []
