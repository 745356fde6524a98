"""Brevo's rate limits: fixed windows per account, named in three headers."""

from dataclasses import dataclass
from math import ceil

from sync_tasks.sandbox.settings import LimitSettings
from sync_tasks.sandbox.wire import HTML, Header, Reply, answer

HOUR = 3600


@dataclass(slots=True)
class Window:
    """So many requests in so many seconds, counted from one full multiple of them to the next."""

    seconds: int
    allowed: int
    turn: int = -1
    used: int = 0

    def left(self, now: float) -> int:
        """Return how many requests are left in the current window."""
        turn = int(now // self.seconds)
        if turn != self.turn:
            self.turn, self.used = turn, 0
        return self.allowed - self.used

    def headers(self, now: float) -> tuple[Header, ...]:
        """Return the window as Brevo's headers; the reset is seconds from now."""
        return (
            (b"x-sib-ratelimit-limit", b"%d" % self.allowed),
            (b"x-sib-ratelimit-remaining", b"%d" % max(self.allowed - self.used, 0)),
            (b"x-sib-ratelimit-reset", b"%d" % max(ceil((self.turn + 1) * self.seconds - now), 1)),
        )


class RequestWindows:
    """Lets requests pass while the account has some left; ``refused`` counts those it did not."""

    def __init__(self, settings: LimitSettings) -> None:
        self.refused = 0
        self.apply(settings)

    def apply(self, settings: LimitSettings) -> None:
        """Limit as given from now on, with fresh windows."""
        self.settings = settings
        self._contacts = (Window(1, settings.contacts_per_second), Window(HOUR, settings.contacts_per_hour))
        self._others = (Window(HOUR, settings.others_per_hour),)

    def take(self, path: str, now: float) -> tuple[bool, tuple[Header, ...]]:
        """Return whether a request may pass, and the headers of its answer."""
        if not self.settings.enabled:
            return True, ()
        windows = self._contacts if path.startswith("/v3/contacts") else self._others
        passes = min(window.left(now) for window in windows) > 0
        self.refused += not passes
        for window in windows:
            window.used += passes
        return passes, min(windows, key=lambda window: window.allowed - window.used).headers(now)


def refuse_for_rate(body: str, headers: tuple[Header, ...]) -> Reply:
    """Return a 429; what Brevo writes into it is not known, so ``body`` is json, html or empty."""
    match body:
        case "html":
            reply = Reply(429, b"<html><body><h1>429 Too Many Requests</h1></body></html>", HTML)
        case "empty":
            reply = Reply(429)
        case _:
            reply = answer(429, {"code": "too_many_requests", "message": "Rate limit exceeded"})
    reply.headers = headers
    return reply
