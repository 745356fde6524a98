"""The receiver over HTTP: one process, and no patience with slow senders."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar, cast

import uvicorn
from redis import RedisError
from starlette.routing import BaseRoute
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError
from sync_tasks.http.refusal import SPARING
from sync_tasks.http.tokens import Tokens
from sync_tasks.log import log
from sync_tasks.monitoring.metrics import read_all_metrics
from sync_tasks.state.store import Noticed, Store
from sync_tasks.webhooks.app import Desk, Receiver, build_app
from sync_tasks.webhooks.nudge_queue import Nudge, Prompter
from sync_tasks.webhooks.recorder import Notes, OwnChanges, count_all, write_notes
from sync_tasks.webhooks.write_batcher import Gatherer

ENDED_WITHIN = 10
METRICS_EVERY = 2.0


class Impatient(H11Protocol):
    """Uvicorn's protocol, but that it hangs up if no request is complete after ``idle_seconds``.

    Its own time limit begins with the first answer and ends with the first byte after it.
    """

    idle_seconds: ClassVar[float] = 10.0
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._stop_waiting()

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(self.idle_seconds, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._waiting.cancel()

    def _hang_up(self) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            self.transport.close()


def open_desk(store: Store, account: str, own: OwnChanges, prompter: Prompter) -> Desk:
    """Return where the events of one account are written down, and from where the contacts are nudged."""

    def write(notes: Notes) -> list[Noticed]:
        noticed = write_notes(store, account, notes)
        prompter.put({one.user_id for one in noticed if one.status == "noticed"})
        counts = count_all(notes, noticed)
        log.info("webhook %s: %s", account, ", ".join(f"{number} {what}" for what, number in sorted(counts.items())))
        if odd := counts["malformed"]:
            log.warning("webhook %s: %d malformed: what they report waits for the nightly comparison", account, odd)
        return noticed

    return Desk(Gatherer(write), own)


def build_receiver(store: Store, settings: Settings, tokens: Tokens, prompter: Prompter) -> Receiver:
    """Return what answers Brevo for all accounts."""

    def is_ready() -> bool:
        try:
            return bool(store.redis.ping())
        except RedisError:
            return False

    desks = {name: open_desk(store, name, _own(settings, name), prompter) for name in settings.accounts}
    return Receiver(desks, tokens, is_ready, remembered(lambda: read_all_metrics(store, settings)))


def remembered(read: Callable[[], bytes], seconds: float = METRICS_EVERY) -> Callable[[], bytes]:
    """Return the same, but read once in so many seconds: whoever asks more often costs Redis nothing."""
    lock, kept = threading.Lock(), list[tuple[float, bytes]]()

    def read_sometimes() -> bytes:
        with lock:
            if not kept or time.monotonic() > kept[0][0]:
                kept[:] = [(time.monotonic() + seconds, read())]
            return kept[0][1]

    return read_sometimes


def _own(settings: Settings, account: str) -> OwnChanges:
    lists = (newsletter.list_id for newsletter in settings.newsletters_by_account[account].values())
    return OwnChanges(
        settings.accounts[account].api_key_name, frozenset(lists).union(*settings.former_on(account).values())
    )


def build_server(
    receiver: Receiver, protocol: type[Impatient] = Impatient, more: Iterable[BaseRoute] = ()
) -> uvicorn.Server:
    """Return the server; run it with sockets that listen."""
    config = uvicorn.Config(
        build_app(receiver, more),
        http=protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=ENDED_WITHIN,
    )
    logging.getLogger("uvicorn.error").addFilter(SPARING)
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ConfigurationError: it cannot.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        # Python adds where it tried, once more.
        reason = str(error.strerror).partition(" (while ")[0]
        raise ConfigurationError(f"{host} port {port}: {reason}; choose another") from None
    # asyncio does this for sockets of its own making; without it each body comes 40 ms after its headers.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextmanager
def prompting(nudge: Nudge) -> Iterator[Prompter]:
    """Yield what nudges users while the block runs."""
    prompter = Prompter(nudge)
    prompter.start()
    try:
        yield prompter
    finally:
        prompter.stop()
