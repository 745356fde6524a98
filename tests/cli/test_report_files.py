"""Reports that go into files: refused before anything is done, and there as a whole or not at all."""

import errno
import json
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer

from sync_tasks.cli.report_files import check_places, write_report
from tests.support.desk import Desk, run

REPORTS = [
    ("reconcile", "--dry-run", "--csv"),
    ("reconcile", "--dry-run", "--html"),
    ("person", "report", "u", "--html"),
]


def full(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("words", REPORTS, ids=" ".join)
@pytest.mark.parametrize(("place", "why"), [("gone/x", "No such file or directory"), ("file/x", "Not a directory")])
def test_a_place_where_nothing_can_be_written_is_refused_before_anything_is_done(
    desk: Desk, tmp_path: Path, words: tuple[str, ...], place: str, why: str
) -> None:
    desk.pipeline.subscribe("u")
    (tmp_path / "file").write_text("")
    said = desk.run(*words, str(tmp_path / place), exits=2)
    assert said == f"{tmp_path / place}: cannot be written: {why}\n"
    assert desk.read("audit") == []
    assert not desk.pipeline.store.redis.exists(desk.pipeline.store.key("reconciles"))


@pytest.mark.parametrize("words", REPORTS, ids=" ".join)
def test_a_disk_that_is_full_leaves_no_half_report_and_the_old_one(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    desk.pipeline.subscribe("u")
    report = tmp_path / "report"
    report.write_text("the old one")
    monkeypatch.setattr(os, "fsync", full)
    said = desk.run(*words, str(report), exits=1)
    assert f"{report}: cannot be written: No space left on device\n" in said
    assert report.read_text() == "the old one"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith((".report", "report"))] == ["report"]


@pytest.mark.usefixtures("desk")
def test_a_comparison_is_shown_although_its_report_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", full)
    done = run("reconcile", "--dry-run", "--json", "--csv", str(tmp_path / "x"))
    document = json.loads(done.stdout)
    assert done.exit_code == 1
    assert document["troubles"] == [f"{tmp_path / 'x'}: cannot be written: No space left on device"]
    assert [one["account"] for one in document["items"]] == ["default"]


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o640)])
def test_a_report_replaces_what_a_link_leads_to_and_is_private_if_that_is_wished(
    tmp_path: Path, mode: int, *, private: bool
) -> None:
    report, link = tmp_path / "report", tmp_path / "link"
    report.write_text("the old one")
    report.chmod(0o640)
    link.symlink_to(report)
    write_report(link, "the new one", private=private)
    assert (report.read_text(), report.stat().st_mode & 0o777, link.is_symlink()) == ("the new one", mode, True)


def test_what_is_no_plain_file_is_written_into_and_keeps_its_mode(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        check_places(pipe)
        write_report(pipe, "a report", private=True)
        assert os.read(reader, 100) == b"a report"
    finally:
        os.close(reader)
    assert pipe.stat().st_mode & 0o777 == 0o644


def test_a_folder_that_takes_no_new_file_still_takes_a_report_into_an_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, allowed = tmp_path / "report", os.access
    report.write_text("the old one, which is longer")

    def access(path: Any, mode: int) -> bool:  # noqa: ANN401 - whatever os takes
        return Path(path) != tmp_path and allowed(path, mode)

    monkeypatch.setattr(os, "access", access)
    check_places(report)
    write_report(report, "the new one")
    assert report.read_text() == "the new one"
    with pytest.raises(typer.Exit):
        check_places(tmp_path / "another")
