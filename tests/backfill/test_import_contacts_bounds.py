"""Each bound of an import: how large a batch is, when a wave goes out, and how long a refused one is halved."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.backfill import import_contacts as module
from sync_tasks.backfill import read_back as reading
from sync_tasks.backfill.import_contacts import Importable, ImportBatch, Importing, _start_import
from sync_tasks.backfill.read_back import Wave, read_back
from sync_tasks.domain.diff import NewContact
from sync_tasks.errors import GatewayUnavailableError, RejectedContactError, TransientError

LISTS = frozenset({3})
NEW = NewContact("ada@portal.org", "ada", {}, LISTS)


class Rests(SimpleNamespace):
    """Notes for how many seconds somebody rests, and does not."""

    stopping = False

    def rest(self, seconds: float) -> None:
        self.rested.append(seconds)


def context_of(**gateway: Any) -> Any:  # noqa: ANN401 - as much of a worker's resources as is asked for
    settings = SimpleNamespace(pipeline=SimpleNamespace(quiet_seconds=7))
    gateways = {"one": SimpleNamespace(capabilities=SimpleNamespace(import_bytes=100, page=2), **gateway)}
    return SimpleNamespace(
        store="the state", mappings={"one": None}, gateways=gateways, limiter=Rests(rested=[]), settings=settings
    )


def wave_of(**gateway: Any) -> Wave:
    return Wave("one", datetime(2026, 3, 1, tzinfo=UTC), context_of(**gateway), lambda _what, _number: None)


def test_the_bounds_are_these() -> None:
    assert (module.WAVE, module.LEAST, module.MOST_REFUSED, module._WEEK) == (80_000, 3, 16, 604_800)
    assert reading.MOST_PAGES == 95


def test_a_batch_counts_whom_it_holds_and_yields_them_again() -> None:
    batch = ImportBatch("one", LISTS)
    assert (batch.count, batch.size, list(batch.chunks())) == (0, 0, [])
    for number in range(501):
        batch.add(f"u{number}", 2)
    assert (batch.count, batch.size) == (501, 1002)
    assert [len(users) for users in batch.chunks()] == [500, 1]
    assert next(batch.chunks())[:2] == ["u0", "u1"]


@pytest.mark.parametrize(("before", "size", "full"), [(60, 40, False), (60, 41, True)])
def test_a_batch_is_full_if_it_would_be_too_large(before: int, size: int, *, full: bool) -> None:
    importing = Importing(context_of())
    first = importing._batch_for("one", LISTS, before)
    first.add("ada", before)
    assert importing._batch_for("one", frozenset({5}), 1) is not first
    assert (importing._batch_for("one", LISTS, size) is not first) is full
    assert importing._full["one"] == [first] * full


@pytest.mark.parametrize(("count", "full"), [(2, False), (3, True)])
def test_a_batch_is_full_with_so_many(monkeypatch: pytest.MonkeyPatch, count: int, *, full: bool) -> None:
    monkeypatch.setattr(module, "WAVE", 3)
    importing = Importing(context_of())
    first = importing._batch_for("one", LISTS, 1)
    for number in range(count):
        first.add(f"u{number}", 1)
    assert (importing._batch_for("one", LISTS, 1) is not first) is full


@pytest.mark.parametrize(("count", "sent"), [(3, 0), (4, 1)])
def test_a_wave_goes_out_before_it_gets_too_large(monkeypatch: pytest.MonkeyPatch, count: int, sent: int) -> None:
    monkeypatch.setattr(module, "WAVE", 5)
    waves, importing = list[str](), Importing(context_of())
    monkeypatch.setattr(importing, "_send_wave", waves.append)
    importing._close(ImportBatch("one", LISTS, count=2))
    importing._close(ImportBatch("one", LISTS, count=count))
    assert (waves, len(importing._full["one"])) == (["one"] * sent, 2)


def refuse_some(monkeypatch: pytest.MonkeyPatch, importing: Importing, people: int, bad: Iterable[int]) -> list[int]:
    """Let Brevo refuse imports with these; return of how many each import was."""
    imports, left = list[int](), list[int]()
    addresses = {f"u{number}@portal.org" for number in bad}
    news = [Importable(f"u{number}", replace(NEW, address=f"u{number}@portal.org"), False) for number in range(people)]  # noqa: FBT003

    def start(_batch: object, part: list[NewContact], _wave: object) -> bool:
        imports.append(len(part))
        return addresses.isdisjoint(new.address for new in part)

    monkeypatch.setattr(module, "_start_import", start)
    monkeypatch.setattr(importing, "_news", lambda _: iter(news))
    monkeypatch.setattr(importing, "_leave", lambda part, _: left.append(len(part)))
    wave = wave_of(imports_safely=True)
    importing._send(ImportBatch("one", LISTS), wave)
    assert len(wave.missing) + sum(left) == people
    return [*imports, -sum(left)]


@pytest.mark.parametrize(
    ("people", "bad", "imports"),
    [
        (2, [], [-2]),
        (3, [], [3, 0]),
        (3, [0], [3, -3]),
        (6, [0], [6, 3, 3, -3]),
        (7, [0], [7, 3, 4, -3]),
        (12, [0], [12, 6, 6, 3, 3, -3]),
        (24, range(24), [24, 12, 12, *[6] * 4, *[3] * 8, -24]),
        (99, range(99), [99, 49, 50, 24, 25, 25, 25, *[12] * 5, *[13] * 3, 6, 6, -99]),
    ],
)
def test_what_is_refused_is_halved_until_it_is_no_row(
    monkeypatch: pytest.MonkeyPatch, people: int, bad: Iterable[int], imports: list[int]
) -> None:
    importing = Importing(context_of())
    made = refuse_some(monkeypatch, importing, people, bad)
    assert (made[0], made[-1]) == (imports[0], imports[-1])
    assert sorted(made) == sorted(imports)


@pytest.mark.parametrize(("people", "refused"), [(99, 17), (200, 19), (299, 19), (300, 20)])
def test_so_many_refusals_are_no_row(monkeypatch: pytest.MonkeyPatch, people: int, refused: int) -> None:
    importing = Importing(context_of())
    *imports, left = refuse_some(monkeypatch, importing, people, range(people))
    assert (len(imports), left, importing.became["imports"]) == (refused, -people, 0)


def test_imports_that_are_taken_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    importing = Importing(context_of())
    refuse_some(monkeypatch, importing, 12, [0])
    assert importing.became == {"imports": 2}


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("unknown", [False, True])
def test_an_import_says_whether_it_was_taken_and_whether_that_is_sure(*, before: bool, unknown: bool) -> None:
    def refuse(_lists: object, _news: object) -> bool:
        error = RejectedContactError("400")
        error.outcome_unknown = unknown
        raise error

    wave = wave_of(start_import=lambda _lists, _news: unknown)
    wave.outcome_unknown = before
    assert _start_import(ImportBatch("one", LISTS), [NEW], wave)
    assert wave.outcome_unknown is (before or unknown)
    wave = wave_of(start_import=refuse)
    wave.outcome_unknown = before
    assert not _start_import(ImportBatch("one", LISTS), [NEW], wave)
    assert wave.outcome_unknown is (before or unknown)


@pytest.mark.parametrize(("unknown", "rests"), [(False, []), (True, [7])])
def test_an_import_that_may_be_carried_out_twice_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, rests: list[int], *, unknown: bool
) -> None:
    given_up = list[str]()
    monkeypatch.setattr(reading, "look_until_shown", lambda _missing, _look, _rest, expected: expected + 1)
    monkeypatch.setattr(reading, "_give_up", lambda _, users: given_up.extend(users))
    wave = wave_of()
    wave.outcome_unknown, wave.missing = unknown, {"ada@portal.org": "ada"}
    assert read_back(wave, 2.0) == 3.0
    limiter: Any = wave.context.limiter
    assert (limiter.rested, given_up) == (rests, ["ada"])


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (GatewayUnavailableError("away", outcome_unknown=True), True),
        (GatewayUnavailableError("away", outcome_unknown=False), False),
        (TransientError("away"), False),
    ],
)
def test_a_request_without_an_answer_is_made_again_and_remembered(error: TransientError, *, unknown: bool) -> None:
    answers = iter([error, error, None])

    def ask() -> int:
        answer = next(answers)
        if answer:
            raise answer
        return 5

    wave = wave_of()
    assert (wave.asking(ask), wave.outcome_unknown) == (5, unknown)


@pytest.mark.parametrize(
    ("taken", "past", "pages"),
    [
        ([1, 1, 0, 1], 0, 3),
        ([0, 1], 0, 1),
        ([0, 0, 1], 1, 2),
        ([0, 1, 0, 0, 1], 2, 4),
        ([1, 1, 1], 0, 3),
        ([2, 1], 0, 1),
    ],
)
def test_pages_are_read_as_long_as_they_show_somebody_new(
    monkeypatch: pytest.MonkeyPatch, taken: list[int], past: int, pages: int
) -> None:
    found, counted = iter(taken), list[tuple[str, int]]()
    wave = wave_of(modified_since=lambda _: iter(range(2 * len(taken))))
    wave.missing, wave.count = {"a": "ada", "b": "bea"}, lambda *one: counted.append(one)

    def take(page: list[object], wave: Wave) -> int:
        assert len(page) == 2
        number = next(found)
        if number == 2:
            wave.missing.clear()
        return number

    monkeypatch.setattr(reading, "_take_over", take)
    assert reading.read_once(wave, past)
    assert counted == [("pages", 1)] * pages
