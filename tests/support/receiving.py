"""The receiver over real HTTP, and what Brevo would send to it."""

import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import Any

import urllib3
from starlette.routing import BaseRoute

from sync_tasks.config.settings import Settings
from sync_tasks.http.tokens import Tokens
from sync_tasks.state.store import Store
from sync_tasks.state.webhook_counts import read_counts
from sync_tasks.webhooks.app import Receiver
from sync_tasks.webhooks.server import Impatient, build_receiver, build_server, listen, prompting
from tests.support.processes import wait_until

TOKEN, FORMER_TOKEN = "the-token-of-today", "the-token-of-before"
TOKENS = Tokens((TOKEN, FORMER_TOKEN))
OWN_KEY = "pipeline"
ANNA = "anna@portal.org"


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass
class Receiving:
    """A receiver that listens, and whom it nudged."""

    address: tuple[str, int]
    store: Store
    nudged: list[str] = field(default_factory=list)
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=10))

    @property
    def origin(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        # A server may close a connection that has been idle for seconds, just when it is used again.
        sent = {"connection": "close"} | {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.http.request(method, f"{self.origin}{path}", body=body, headers=sent)
        is_json = answer.headers.get("content-type") == "application/json"
        return Answer(answer.status, json.loads(answer.data) if is_json else answer.data, dict(answer.headers))

    def send(
        self,
        body: bytes,
        *,
        token: str | None = TOKEN,
        account: str = "default",
        content_type: str = "application/json",
    ) -> Answer:
        """Post a body as it is."""
        shown = {"authorization": f"Bearer {token}"} if token is not None else {}
        return self.ask("POST", f"/webhooks/brevo/{account}", body, content_type=content_type, **shown)

    def report(self, *events: object, account: str = "default") -> dict[str, int]:
        """Post one event as an object, several as an array, and return what they came to."""
        answer = self.send(json.dumps(events[0] if len(events) == 1 else events).encode(), account=account)
        assert answer.status == 200, answer
        return dict(answer.body)

    def counts(self, account: str = "default") -> dict[str, int]:
        return dict(read_counts(self.store, account))

    def wait_for_nudge(self, user_id: str) -> None:
        wait_until(lambda: user_id in self.nudged, f"{user_id} is nudged")

    def connect(self) -> socket.socket:
        """Return a connection over which a test speaks HTTP itself."""
        return socket.create_connection(self.address, timeout=10)


@contextmanager
def serving(receiver: Receiver, patience: float = 0.3, more: Iterable[BaseRoute] = ()) -> Iterator[tuple[str, int]]:
    """Serve a receiver in a thread while the block runs; whoever has not come to the point by then is hung up on."""
    protocol = type("InAHurry", (Impatient,), {"idle_seconds": patience})
    with listen("127.0.0.1", 0) as listener:
        server = build_server(replace(receiver, body_within=patience), protocol, more)
        thread = Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        wait_until(lambda: server.started, "the receiver has started")
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


@contextmanager
def opening(store: Store, routes: Iterable[BaseRoute], patience: float = 5) -> Iterator[Receiving]:
    """Open other doors than that of webhooks in a thread while the block runs."""
    with serving(Receiver({}, Tokens(()), lambda: True), patience, routes) as address:
        here = Receiving(address, store)
        yield here
        here.http.clear()


@contextmanager
def receiving(store: Store, settings: Settings, patience: float = 0.3) -> Iterator[Receiving]:
    """Receive in a thread while the block runs, and note who is nudged."""
    nudged: list[str] = []
    with (
        prompting(nudged.extend) as prompter,
        serving(build_receiver(store, settings, TOKENS, prompter), patience) as address,
    ):
        here = Receiving(address, store, nudged)
        yield here
        here.http.clear()


def unsubscription(address: str = ANNA, **more: object) -> dict[str, object]:
    """Return an opt-out as Brevo shows it."""
    return {"id": 1, "event": "unsubscribe", "email": address, "list_id": [3], "ts": 1_787_655_900} | more


def edit(address: str = ANNA, key_name: str = "", **attributes: object) -> dict[str, object]:
    """Return a change of attributes as Brevo shows it."""
    content = [{"email": address, "attributes": attributes}]
    return {"id": 1, "event": "contact_updated", "email": address, "content": content, "api_key_name": key_name}
