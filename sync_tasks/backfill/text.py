"""The text of a file, line by line, whatever wrote it.

What is certain is read: UTF-8 with or without its mark, UTF-16 by its mark. What would be a guess is refused in one
line that says what to do.
"""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from sync_tasks.errors import ConfigurationError

# The mark of UTF-32 begins as that of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_TEXT = (
    (b"PK\x03\x04", 'a workbook or an archive, not text: save the sheet as "CSV UTF-8", or unpack it'),
    (b"\xd0\xcf\x11\xe0", 'an old Excel workbook, not text: save the sheet as "CSV UTF-8"'),
    (b"\x1f\x8b", "compressed: unpack it with gunzip"),
)
_LONGEST_LINE = 1_000_000
_OLD_MAC = "old Mac line ends (CR alone): save it with other line ends, or convert it with tr '\\r' '\\n'"
# What stands for bytes that the encoding does not know, and for a character lost before.
_DAMAGED = "\ufffd"
_CONTROL = re.compile("[\x80-\x9f]")
# What becomes of a special character of UTF-8 that somebody took for two of Windows-1252.
_MANGLED = re.compile("[\u00c2\u00c3][\u0152\u0153\u0160\u0161\u017d\u017e\u2018-\u2026\u20ac\u2122\u00a1-\u00bf]")
_TWICE = "special characters were destroyed before: open the original as UTF-8, and export it again"


class Text:
    """The lines of a file that is open for reading bytes, without their line ends.

    ``encoding``: how the file is written, if an option says so; else by its mark, else UTF-8. ``position``: how many
    bytes were read.
    """

    def __init__(self, opened: BinaryIO, encoding: str = "") -> None:
        """Read nothing yet.

        Raises:
            ConfigurationError: there is no such encoding.
        """
        self.encoding = _known(encoding)
        self.position = 0
        self._opened = opened
        self._named = bool(encoding)

    def __iter__(self) -> Iterator[str]:
        """Yield every line.

        Raises:
            ConfigurationError: this is no text, or a text that must be written otherwise.
        """
        first = self._opened.readline(_LONGEST_LINE)
        rest, decoder = "", codecs.getincrementaldecoder(self._recognize(first))(errors="replace")
        piece = first
        while piece:
            self.position += len(piece)
            self._check_name(piece)
            try:
                *lines, rest = (rest + decoder.decode(piece)).split("\n")
            except UnicodeError:
                # Only UTF-16 and UTF-32 without their mark raise; all else is replaced.
                raise ConfigurationError(f"it is not {self.encoding} with its mark: say --encoding utf-16-le") from None
            if self.position == len(piece):
                _check_first(lines[0] if lines else rest)
            yield from map(_bare, lines)
            if len(rest) > _LONGEST_LINE:
                raise ConfigurationError("a line is longer than a million characters: is it a file of lines?")
            piece = self._opened.readline(_LONGEST_LINE)
        # A file may be cut off within a character.
        if rest := _bare(rest + decoder.decode(b"", final=True)):
            yield rest

    def fault(self, line: str) -> str:
        """Return what is wrong with the characters of a line, or nothing."""
        if _DAMAGED in line and self.encoding == "utf-8":
            return 'not UTF-8: save the file as "CSV UTF-8", or name how it is written: --encoding windows-1252'
        if _DAMAGED in line:
            return f"not {self.encoding}: name how the file is written with --encoding"
        if line.isascii():
            return "holds NUL characters" if "\0" in line else ""
        if _CONTROL.search(line):
            return "holds control characters: is it windows-1252? Name how the file is written with --encoding"
        return _TWICE if _MANGLED.search(line) else ""

    def _recognize(self, first: bytes) -> str:
        for mark, what in _NO_TEXT:
            if first.startswith(mark):
                raise ConfigurationError(what)
        if not self._named:
            self.encoding = next((encoding for mark, encoding in _MARKS if first.startswith(mark)), "utf-8")
        if b"\0" in first and self.encoding == "utf-8":
            raise ConfigurationError(
                "UTF-16 without its mark, or no text: save it as UTF-8, or say --encoding utf-16-le"
            )
        return self.encoding

    def _check_name(self, piece: bytes) -> None:
        """Refuse a name that would turn each special character of a UTF-8 file into two others."""
        if self._named and not piece.isascii() and not self.encoding.startswith("utf"):
            try:
                piece.decode("utf-8")
            except UnicodeDecodeError:
                return
            raise ConfigurationError(f"it is UTF-8, not {self.encoding}: leave --encoding out")


def _bare(line: str) -> str:
    """Return a line without its end, and without a mark that stands there: files are put together too."""
    return line.removesuffix("\r").removeprefix("\ufeff")


def _check_first(line: str) -> None:
    if "\r" in line.removesuffix("\r"):
        raise ConfigurationError(_OLD_MAC)


def _known(encoding: str) -> str:
    """Return the name of an encoding; Python knows others that stand for no text, such as base64."""
    try:
        "a".encode(encoding or "utf-8", errors="replace")
        return codecs.lookup(encoding or "utf-8").name
    except (LookupError, UnicodeError):
        raise ConfigurationError("--encoding: there is no encoding of that name; such as windows-1252") from None
