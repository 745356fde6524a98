"""A way to Redis that can turn into a black hole: connections stay open, and nothing passes any more."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread


class Proxy:
    """Hands bytes on between its clients and one server; ``swallow`` makes all connections so far black holes."""

    def __init__(self, listener: socket.socket, target: int) -> None:
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        self.target = target
        self._swallowed = Event()
        self._sockets: list[socket.socket] = []

    @property
    def url(self) -> str:
        """Where Redis is, by way of this proxy."""
        return f"redis://127.0.0.1:{self.port}/0"

    def swallow(self) -> None:
        """Let nothing more pass on the connections there are; new ones are as good as ever."""
        self._swallowed.set()
        self._swallowed = Event()

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    Thread(target=_hand_on, args=(source, sink, self._swallowed), daemon=True).start()

    def close(self) -> None:
        """Close all sockets."""
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _hand_on(source: socket.socket, sink: socket.socket, swallowed: Event) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            if not swallowed.is_set():
                sink.sendall(data)
        if not swallowed.is_set():
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxying(target: int) -> Iterator[Proxy]:
    """Yield a proxy to a port of this machine that is gone after the block."""
    proxy = Proxy(socket.create_server(("127.0.0.1", 0)), target)
    thread = Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()
