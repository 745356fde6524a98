"""So many times in so many seconds, for each of very many: what one may do must not be what all may do."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from ipaddress import IPv6Address, ip_network

MOST_KEYS = 100_000
_ONE_LINE = 64


class RateBound:
    """Counts in windows; whoever comes too often in one is turned away until the next begins.

    ``MOST_KEYS`` different ones in one window are counted; further ones are turned away.
    """

    def __init__(self, most: int, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._counts = Counter[Hashable]()
        self._until = 0.0
        self._lock = threading.Lock()

    def admits(self, key: Hashable) -> bool:
        """Count one more, and return whether it is not one too many."""
        with self._lock:
            now = self._clock()
            if now >= self._until:
                self._counts.clear()
                self._until = now + self._seconds
            if key not in self._counts and len(self._counts) >= MOST_KEYS:
                return False
            self._counts[key] += 1
            return self._counts[key] <= self._most


def name_line(address: str) -> str:
    """Return what one caller cannot change at will: the address, of IPv6 its network of 64 bits."""
    try:
        network = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if network.ipv4_mapped:
        return str(network.ipv4_mapped)
    return str(ip_network((int(network), _ONE_LINE), strict=False))
