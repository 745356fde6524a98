"""Connections to Brevo on which a whole answer comes in time, and belongs to its own request.

The time-outs of urllib3 (2.8.0) bound each wait for bytes, not the whole. An answer of one byte a second would take a
thread for hours (tried). It would outlive the lease of its contact. If urllib3 bounds the whole one day, only the
interim answers are left.
"""

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from sync_tasks.providers.brevo.connection import WHOLE

_FIRST_FINAL_STATUS = 200


class _Stream(io.RawIOBase):
    """What comes on a socket, as long as there is time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._stream, self._silence = sock, sock.makefile("rb", buffering=0), sock.gettimeout()
        self._end = time.monotonic() + WHOLE * (self._silence or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - as Python has it
        if self._silence is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer takes too long")
            self._sock.settimeout(min(left, self._silence))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Socket:
    """A socket as ``HTTPResponse`` needs it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Stream(self._sock))


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *how: Any, **more: Any) -> None:
        super().__init__(_Socket(sock), *how, **more)  # type: ignore[arg-type]

    def begin(self) -> None:
        """Let nobody read on after an interim answer (103): Python takes it for the last one (tried with 3.11).

        The answer proper comes on the same connection, and the next request would get it.
        """
        super().begin()
        self.will_close = self.will_close or self.status < _FIRST_FINAL_STATUS


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def bound_answers(pools: PoolManager) -> None:
    """Let each further connection of these pools be such a one."""
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
