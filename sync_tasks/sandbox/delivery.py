"""Webhooks as Brevo sends them: one event at a time or gathered, with a token, again if nobody takes them.

Brevo tries again after 10 minutes, 1 hour, 2 and 8 hours. It does so only on 429 or without an answer. Any other answer
ends an event. Gathered ones go every five minutes, 500 at most. Tests are in more of a hurry.
"""

import heapq
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Thread
from typing import cast

import urllib3
from urllib3.exceptions import HTTPError

from sync_tasks.chunks import chunks
from sync_tasks.sandbox.outbox import Outbox
from sync_tasks.sandbox.sandbox import Sandbox
from sync_tasks.sandbox.wire import JsonObject

log = logging.getLogger("sync_tasks.sandbox")

MOST_AT_ONCE = 500
TOO_MANY_REQUESTS = 429
_LOOK_EVERY = 0.02


@dataclass(frozen=True, slots=True)
class Pace:
    """How long Brevo takes, in seconds: until it sends gathered events, until each further try, for an answer."""

    gathering: float = 300.0
    tries: tuple[float, ...] = (600.0, 3600.0, 7200.0, 28800.0)
    answer: float = 10.0


@dataclass(order=True, slots=True)
class Parcel:
    """What goes to one webhook in one request; ``tried`` counts the requests made so far."""

    due: float
    number: int
    webhook_id: int = field(compare=False)
    payload: object = field(compare=False, repr=False)
    tried: int = field(default=0, compare=False)


class Delivery:
    """Takes what is new in a sandbox's outbox and sends it to the webhooks that want it."""

    def __init__(self, sandbox: Sandbox, pace: Pace | None = None) -> None:
        self.statuses: list[int] = []
        self._sandbox = sandbox
        self._pace = pace or Pace()
        self._http = urllib3.PoolManager(retries=False, timeout=self._pace.answer)
        self._outbox: Outbox = sandbox.outbox
        self._seen = 0
        self._gathered: dict[int, list[JsonObject]] = {}
        self._sent_at: dict[int, float] = {}
        self._parcels: list[Parcel] = []
        self._count = 0

    def run_due(self) -> None:
        """Send what is due by the sandbox's clock; ``statuses`` are the answers, 0 if there was none."""
        now = self._sandbox.clock()
        self._collect(now)
        while self._parcels and self._parcels[0].due <= now:
            self._send(heapq.heappop(self._parcels), now)

    def _collect(self, now: float) -> None:
        for webhook_id, payload in self._new_payloads():
            webhook = self._sandbox.outbox.webhooks.get(webhook_id)
            if webhook and webhook.get("batched"):
                self._gathered.setdefault(webhook_id, []).append(payload)
                self._sent_at.setdefault(webhook_id, now)
            elif webhook:
                self._post(now, webhook_id, payload)
        for webhook_id in [one for one, since in self._sent_at.items() if now >= since + self._pace.gathering]:
            del self._sent_at[webhook_id]
            payloads = self._gathered.pop(webhook_id)
            for chunk in chunks(payloads, MOST_AT_ONCE):
                self._post(now, webhook_id, chunk)

    def _new_payloads(self) -> list[tuple[int, JsonObject]]:
        with self._sandbox.lock:
            if self._outbox is not self._sandbox.outbox:
                self._outbox, self._seen = self._sandbox.outbox, 0
                self._parcels.clear()
            new = self._outbox.events_after(self._seen)
            self._seen = new[-1].number if new else self._seen
            return [(number, {**event.payload, "id": number}) for event in new for number in event.webhook_ids]

    def _post(self, due: float, webhook_id: int, payload: object) -> None:
        self._count += 1
        heapq.heappush(self._parcels, Parcel(due, self._count, webhook_id, payload))

    def _send(self, parcel: Parcel, now: float) -> None:
        webhook = self._sandbox.outbox.webhooks.get(parcel.webhook_id)
        if webhook is None:
            return
        status = self._exchange(webhook, parcel.payload)
        self.statuses.append(status)
        if status in {0, TOO_MANY_REQUESTS} and parcel.tried < len(self._pace.tries):
            again = now + self._pace.tries[parcel.tried]
            heapq.heappush(
                self._parcels, Parcel(again, parcel.number, parcel.webhook_id, parcel.payload, parcel.tried + 1)
            )

    def _exchange(self, webhook: JsonObject, payload: object) -> int:
        headers = {"Content-Type": "application/json", **_headers(webhook)}
        try:
            answer = self._http.request("POST", str(webhook["url"]), body=json.dumps(payload).encode(), headers=headers)
        except HTTPError as error:
            log.info("webhook %s: no answer (%s)", webhook["id"], type(error).__name__)
            return 0
        return answer.status

    def close(self) -> None:
        """Give the sockets back."""
        self._http.clear()


def _headers(webhook: JsonObject) -> dict[str, str]:
    """Return what a webhook's requests carry: its token, or the headers it was given."""
    auth, given = webhook.get("auth"), webhook.get("headers")
    headers = {str(one.get("key")): str(one.get("value")) for one in cast("list[JsonObject]", given or [])}
    if isinstance(auth, dict) and auth.get("type") == "bearer":
        headers["Authorization"] = f"Bearer {auth.get('token')}"
    return headers


@contextmanager
def delivering(sandbox: Sandbox, pace: Pace | None = None) -> Iterator[Delivery]:
    """Deliver in a thread while the block runs."""
    delivery, over = Delivery(sandbox, pace), Flag()

    def run() -> None:
        while not over.wait(_LOOK_EVERY):
            delivery.run_due()

    thread = Thread(target=run, name="delivery", daemon=True)
    thread.start()
    try:
        yield delivery
    finally:
        over.set()
        thread.join()
        delivery.close()
