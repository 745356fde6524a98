"""A server that answers exactly what a test wrote down, byte by byte, and remembers what it was asked."""

import json
import socket
import socketserver
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    method: str
    target: str
    headers: Message
    raw: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def body(self) -> dict[str, Any]:
        reported: dict[str, Any] = json.loads(self.raw)
        return reported


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire; ``held`` waits until the test releases it, ``last`` closes the connection behind it.

    ``gap``: so many seconds lie before each of its last bytes, from ``slow`` on.
    """

    raw: bytes
    held: bool = False
    last: bool = False
    slow: int = 0
    gap: float = 0.0


DROPPED = Reply(b"", last=True)
HELD = Reply(b"", held=True, last=True)


def answer(status: int, body: object = b"", headers: Mapping[str, str] | None = None) -> Reply:
    """An ordinary answer; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""])
    return Reply(head.encode() + content)


def trickling(reply: Reply, slow: int, gap: float = 0.05) -> Reply:
    """The same answer, its bytes from ``slow`` on one by one."""
    return replace(reply, slow=slow, gap=gap)


def cut_off(status: int, body: bytes) -> Reply:
    """An answer that promises more than it sends."""
    return Reply(f"HTTP/1.1 {status} Scripted\r\nContent-Length: 9999\r\n\r\n".encode() + body, last=True)


@dataclass(slots=True)
class Script:
    """The replies to come, in order, and the requests so far."""

    url: str = ""
    replies: deque[Reply] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    barrier: threading.Barrier | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def says(self, *replies: Reply) -> None:
        self.replies.extend(replies)

    def lease(self, request: Asked) -> Reply:
        with self.lock:
            self.asked.append(request)
            reply = self.replies.popleft() if self.replies else answer(406, {"code": "the_script_is_over"})
        if self.barrier:
            self.barrier.wait(timeout=10)
        if reply.held:
            self.released.wait(timeout=30)
        return reply


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
    script: Script
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        sock, address = super().get_request()
        return self.tls.wrap_socket(sock, server_side=True) if self.tls else sock, address


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with self.server.script.lock:
            self.server.script.connections += 1
        while (request := self._read()) is not None:
            reply = self.server.script.lease(request)
            self._write(reply)
            if reply.last:
                return

    def _write(self, reply: Reply) -> None:
        if not reply.gap:
            self.wfile.write(reply.raw)
            return
        self.wfile.write(reply.raw[: reply.slow])
        with suppress(ConnectionError):
            for byte in reply.raw[reply.slow :]:
                self.server.script.released.wait(reply.gap)
                self.wfile.write(bytes([byte]))

    def _read(self) -> Asked | None:
        try:
            line = self.rfile.readline().decode("latin-1").split()
            if not line:
                return None
            headers = BytesHeaderParser().parsebytes(b"".join(iter(self.rfile.readline, b"\r\n")))
            return Asked(line[0], line[1], headers, self.rfile.read(int(headers.get("Content-Length", 0))))
        except ConnectionError:
            return None


@contextmanager
def scripted(tls: ssl.SSLContext | None = None) -> Iterator[Script]:
    """A server on a free port, with an empty script; over TLS if asked."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.tls = tls
        server.script = Script(url=f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/v3")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.script
        finally:
            server.script.released.set()
            server.shutdown()
            thread.join()


@contextmanager
def refusing() -> Iterator[str]:
    """The URL of a port nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v3"


class _Babbler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1024)
        self.request.sendall(b"220 mail.example ESMTP\r\n")


@contextmanager
def babbling() -> Iterator[str]:
    """The https URL of a port where something answers that speaks no TLS."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Babbler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}/v3"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def deaf() -> Iterator[str]:
    """The URL of a port where no further connection comes about: the queue of those to accept is full."""
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for filler in (first, second):
            filler.settimeout(0)
            filler.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v3"
