"""Reports that a command writes into files: each is there as a whole or not at all."""

import errno
import os
from pathlib import Path

from sync_tasks.cli.output import give_up


class ReportError(Exception):
    """A report could not be written; the text names the file and says why."""


def check_places(*files: Path | None) -> None:
    """End a command that could not write its reports, before it does anything."""
    faults = [_describe(file, fault) for file in files if file and (fault := _find_fault(file.resolve()))]
    if faults:
        give_up(*faults, code=2)


def write_report(file: Path, text: str, *, private: bool = False) -> None:
    """Write a report in place of an old one; ``private``: nobody but its owner can read it.

    A pipe or a device takes the text as it comes.

    Raises:
        ReportError: it cannot be written; the old one is still there.
    """
    try:
        place = file.resolve()
        if place.exists() and not (place.is_file() and os.access(place.parent, os.W_OK)):
            _write_into(place, text, private=private)
        else:
            _replace(place, text, private=private)
    except OSError as error:
        raise ReportError(_describe(file, error.strerror or type(error).__name__)) from None


def _describe(file: Path, fault: str) -> str:
    return f"{file}: cannot be written: {fault}"


def _find_fault(place: Path) -> str:
    try:
        place.stat()
        return "" if os.access(place, os.W_OK) else os.strerror(errno.EACCES)
    except FileNotFoundError:
        if not place.parent.is_dir():
            return os.strerror(errno.ENOENT)
        return "" if os.access(place.parent, os.W_OK) else os.strerror(errno.EACCES)
    except OSError as error:
        return error.strerror or type(error).__name__


def _write_into(place: Path, text: str, *, private: bool) -> None:
    if private and place.is_file():
        place.chmod(0o600)
    place.write_text(text, encoding="utf-8", newline="")


def _replace(place: Path, text: str, *, private: bool) -> None:
    """Write a file beside it first: a full disk leaves nothing behind."""
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        mode = 0o600 if private else 0o666
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(descriptor)
        if not private and place.exists():
            beside.chmod(place.stat().st_mode & 0o777)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
