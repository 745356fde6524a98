"""Faults to switch on at run time: what proxies, networks and busy servers do to requests."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sync_tasks.sandbox.wire import HTML, JSON, Header, Reply, answer

KINDS = ("status", "html", "not_utf8", "waf", "slow", "drop", "drop_after", "late", "truncated")
CODES = {400: "invalid_parameter", 401: "unauthorized", 402: "not_enough_credits", 403: "permission_denied"}
MESSAGES = {401: "Key not found", 402: "Not enough credits", 403: "Permission denied", 425: "Too Early"}
RATE_HEADERS: tuple[Header, ...] = (
    (b"x-sib-ratelimit-limit", b"10"),
    (b"x-sib-ratelimit-remaining", b"0"),
    (b"x-sib-ratelimit-reset", b"1"),
)


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault; it strikes a matching request with ``probability``, at most ``count`` times.

    * ``status``: answers ``status``, as JSON (``code`` and ``message`` may be given) or (``html``) a proxy's page.
    * ``html``: answers 200 with a page. ``not_utf8``: a body that is not UTF-8. ``waf``: the firewall's 403.
    * ``slow``: takes effect, answers after ``seconds``. ``truncated``: takes effect, the answer breaks off.
    * ``drop``: the connection ends without an effect. ``drop_after``: with it.
    * ``late``: the connection ends, the effect comes ``seconds`` later; ``hanging``: the former only then, too.

    ``applied`` lets the first four kinds take effect nevertheless, as a gateway time-out may.
    """

    kind: str
    probability: float = 1.0
    count: int | None = None
    method: str | None = None
    path: str | None = None
    status: int = 500
    html: bool = False
    seconds: float = 1.0
    applied: bool = False
    hanging: bool = False
    code: str = ""
    message: str = ""
    id: int = 0
    hits: int = field(default=0)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault; known: {', '.join(KINDS)}")
        if self.path is not None:
            try:
                re.compile(self.path)
            except re.error:
                raise ValueError("'path' is no regular expression") from None

    def matches(self, method: str, path: str) -> bool:
        """Return whether the fault is meant for such a request and not used up."""
        return (
            (self.count is None or self.hits < self.count)
            and (self.method is None or self.method == method)
            and (self.path is None or re.search(self.path, path) is not None)
        )

    @property
    def takes_effect(self) -> bool:
        """Return whether the request does its work at once in spite of the fault."""
        return self.applied or self.kind in ("slow", "drop_after", "truncated")

    @property
    def name(self) -> str:
        """Return the fault in one word, for the journal."""
        return str(self.status) if self.kind == "status" else self.kind


class Faults:
    """The faults that are on, in the order they were switched on; the first that strikes wins."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - chance, no secret
        self._faults: list[Fault] = []
        self._last_id = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._faults))

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on and return it with its id."""
        self._last_id += 1
        fault.id = self._last_id
        self._faults.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """Switch one fault off, or all."""
        self._faults = [fault for fault in self._faults if fault_id not in (None, fault.id)]

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this request, if one does."""
        for fault in self._faults:
            if fault.matches(method, path) and self._random.random() < fault.probability:
                fault.hits += 1
                return fault
        return None


def spoil(reply: Reply | None, fault: Fault) -> Reply:
    """Return what the client gets to see of a reply under a fault."""
    match fault.kind:
        case "slow" if reply:
            reply.delay = fault.seconds
        case "truncated" if reply:
            reply.truncated, reply.dropped = bool(reply.body), not reply.body
        case "status":
            reply = answer_status(fault)
        case "html":
            reply = Reply(200, b"<!DOCTYPE html><html><body>Please wait</body></html>", HTML)
        case "not_utf8":
            reply = Reply(fault.status, '{"message":"Requête refusée"}'.encode("latin-1"), JSON)
        case "waf":
            reply = refuse_by_firewall()
        case _:
            reply = Reply(0, dropped=True, delay=fault.seconds if fault.hanging else 0.0)
    return reply


def answer_status(fault: Fault) -> Reply:
    """Return an answer with the fault's status, from Brevo or from a proxy before it."""
    if fault.html:
        page = f"<html><head><title>{fault.status}</title></head><body><h1>Error {fault.status}</h1></body></html>"
        return Reply(fault.status, page.encode(), HTML)
    if fault.status == 204:  # noqa: PLR2004 - no content: a body would be read as the start of the next answer
        return Reply(fault.status)
    code = CODES.get(fault.status, "account_in_process" if fault.status == 425 else "error")  # noqa: PLR2004
    message = fault.message or MESSAGES.get(fault.status, "Something went wrong")
    reply = answer(fault.status, {"code": fault.code or code, "message": message})
    reply.headers = RATE_HEADERS if fault.status == 429 else ()  # noqa: PLR2004
    return reply


def refuse_by_firewall() -> Reply:
    """Return the web application firewall's page."""
    return Reply(403, b"<html><head><title>403 Forbidden</title></head><body>Request blocked</body></html>", HTML)
