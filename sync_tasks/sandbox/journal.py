"""The requests the sandbox got, and what it did with them."""

from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Request:
    """One request; ``path`` is without the query, ``status`` 0 if no answer left.

    ``late``: it took, or will take, effect after its connection was gone; ``applied`` is the time it did.
    """

    number: int
    time: float
    method: str
    path: str
    status: int = 0
    contact_ids: list[int] = field(default_factory=list)
    fault: str | None = None
    late: bool = False
    applied: float | None = None


class Journal:
    """The latest requests, the oldest dropping out, and counts over all of them.

    What it returns is a copy: other threads go on making requests while a caller looks at it.
    """

    def __init__(self, limit: int | None) -> None:
        self.total = 0
        self.statuses: Counter[int] = Counter()
        self._requests: deque[Request] = deque(maxlen=limit)

    def open(self, time: float, method: str, path: str) -> Request:
        """Return a new entry with the next number."""
        self.total += 1
        request = Request(self.total, time, method, path)
        self._requests.append(request)
        return request

    def close(self, request: Request, status: int) -> None:
        """Record how a request was answered, 0 for not at all."""
        request.status = status
        self.statuses[status] += 1

    def requests(self) -> list[Request]:
        """Return the requests, oldest first."""
        return list(self._requests)

    def latest(self, count: int) -> list[Request]:
        """Return the newest requests, newest first."""
        return self.requests()[: -count - 1 : -1]
