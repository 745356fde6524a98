"""What clears an attribute, learnt from what was seen."""

from sync_tasks.domain.blanks import Blanks

BORN = frozenset({"BORN"})


def test_nothing_is_known_at_first() -> None:
    blanks = Blanks()
    assert (blanks.nulls(BORN), blanks.to_read_back(BORN)) == (frozenset(), BORN)


def test_null_is_known_once_it_cleared() -> None:
    blanks = Blanks()
    blanks.note_null(BORN)
    assert (blanks.nulls({"BORN", "CITY"}), blanks.to_read_back({"BORN", "CITY"})) == (BORN, frozenset({"CITY"}))


def test_an_empty_text_is_known_only_if_something_was_there_before() -> None:
    blanks = Blanks()
    blanks.note_empty(BORN, held_before=())
    assert blanks.to_read_back(BORN) == BORN
    blanks.note_empty(BORN, held_before=["BORN"])
    assert (blanks.nulls(BORN), blanks.to_read_back(BORN)) == (frozenset(), frozenset())


def test_looks_that_teach_nothing_end() -> None:
    blanks = Blanks()
    for _ in range(20):
        assert blanks.to_read_back(BORN) == BORN
        blanks.note_empty(BORN, held_before=())
    assert blanks.to_read_back(BORN) == frozenset()
