"""The password file: one line for each operator with name, role and a scrypt hash, which `sync-tasks operate` writes.

Anybody who may write the file may do everything. So only its owner can read and write a new one.
"""

import hashlib
import hmac
import os
import re
import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from sync_tasks.config.environment import read_plain
from sync_tasks.errors import ConfigurationError
from sync_tasks.texts import SLUG

Role = Literal["look", "act"]
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1000
# As OWASP asks for: 32 MB for a tenth of a second, three times over.
_COST, _BLOCK, _PARALLEL = 2**15, 8, 3
_MEMORY = 2 * 128 * _COST * _BLOCK
_NAME = re.compile(SLUG)
_LINE = re.compile(r"(?P<name>[^:]+):(?P<role>look|act):(?P<hashed>scrypt:\d+:\d+:\d+:[\w+/=]+:[\w+/=]+)")


@dataclass(frozen=True, slots=True, repr=False)
class PasswordEntry:
    """One operator, what they may do, and the hash of their password."""

    name: str
    role: Role
    hashed: str

    @property
    def fingerprint(self) -> str:
        """What a login holds as long as it stays the same: a new password or role ends it."""
        return hashlib.sha256(f"{self.role}:{self.hashed}".encode()).hexdigest()[:16]


# Whoever is unknown waits as long as whoever is known.
NOBODY = PasswordEntry("", "look", f"scrypt:{_COST}:{_BLOCK}:{_PARALLEL}:AAAA:AAAA")


def read_entries(path: Path) -> Mapping[str, PasswordEntry]:
    """Return the operators of a file by their names.

    Raises:
        ConfigurationError: it cannot be read, or a line of it makes no sense; the message names only its number.
    """
    try:
        lines = read_plain(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        remedy = "; `sync-tasks operate password` makes it" if isinstance(error, FileNotFoundError) else ""
        raise ConfigurationError(f"operate.passwords: {path}: cannot be read: {reason}{remedy}") from None
    return {entry.name: entry for entry in _parse(path, lines)}


def _parse(path: Path, lines: list[str]) -> Iterator[PasswordEntry]:
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line.strip())
        if found:
            yield PasswordEntry(found["name"], cast("Role", found["role"]), found["hashed"])
        elif line.strip() and not line.startswith("#"):
            raise ConfigurationError(
                f"operate.passwords: {path}: line {number} is none that `sync-tasks operate password` wrote"
            )


def write_entry(path: Path, entry: PasswordEntry) -> None:
    """Write an operator into a file, in place of the line of that name; a reader sees the old file or the new one.

    Raises:
        ConfigurationError: the file is there and cannot be read, or cannot be written.
    """
    _write(path, {**(read_entries(path) if path.exists() else {}), entry.name: entry})


def remove_entry(path: Path, name: str) -> bool:
    """Take an operator out of a file; return whether they were there.

    Raises:
        ConfigurationError: as above.
    """
    entries = dict(read_entries(path))
    if entries.pop(name, None) is None:
        return False
    _write(path, entries)
    return True


def _write(path: Path, entries: Mapping[str, PasswordEntry]) -> None:
    lines = (f"{one.name}:{one.role}:{one.hashed}\n" for one in entries.values())
    try:
        _replace(path.resolve(), "".join(lines))
    except OSError as error:
        remedy = "; make its folder first" if isinstance(error, FileNotFoundError) else ""
        raise ConfigurationError(f"operate.passwords: {path}: cannot be written: {error.strerror}{remedy}") from None


def _replace(path: Path, text: str) -> None:
    """Write a file anew; owner, group and mode stay, or it fails: the page might not be able to read it any more."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.touch(mode=0o600)
        beside.write_text(text, encoding="utf-8")
        if path.exists():
            old, new = path.stat(), beside.stat()
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                os.chown(beside, old.st_uid, old.st_gid)
            beside.chmod(stat.S_IMODE(old.st_mode))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def make_entry(name: str, role: Role, password: str) -> PasswordEntry:
    """Return an operator with the hash of a password.

    Raises:
        ConfigurationError: nobody can be called so, or the password is too short or too long.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError("a name is at most 64 letters, digits and . _ -, a letter or digit first")
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ConfigurationError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    salt = secrets.token_bytes(16)
    digest = _hash(password, salt, (_COST, _BLOCK, _PARALLEL))
    return PasswordEntry(name, role, f"scrypt:{_COST}:{_BLOCK}:{_PARALLEL}:{_encode(salt)}:{_encode(digest)}")


def is_password_of(entry: PasswordEntry, password: str) -> bool:
    """Report whether this is the operator's password; that takes as long for a wrong one."""
    _, cost, block, parallel, salt, digest = entry.hashed.split(":")
    facts = _hash(password[: LONGEST_PASSWORD + 1], b64decode(salt), (int(cost), int(block), int(parallel)))
    return hmac.compare_digest(facts, b64decode(digest))


def _hash(password: str, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    n, r, p = cost
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)


def _encode(data: bytes) -> str:
    return b64encode(data).decode()
