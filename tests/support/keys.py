"""Which keys the architecture names, and for how long each is there."""

import re
from pathlib import Path

from redis import Redis

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
NAMESPACE = "sync_tasks:"
# What the broker keeps is Celery's own: its queues, and which of them there are.
BROKER = re.compile(
    r"sync_tasks(\.urgent|\.sweeps|\.background)?|_kombu\.binding(_permanent)?\.sync_tasks.*|sync_tasks:unacked.*"
)

Lifetimes = dict[str, str]


def read_documented() -> Lifetimes:
    """Return each key of the architecture's table, and for how long it says that it is there."""
    section = ARCHITECTURE.read_text().partition("\n### Keys")[2].partition("\n### ")[0]
    cells = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    reported = {
        name: lifetime.strip() for _, names, _, lifetime, *_ in cells for name in re.findall(r"`([^`]+)`", names)
    }
    return {name: lifetime for name, lifetime in reported.items() if not name.startswith(("<namespace>", "unacked"))}


def find_keys(client: Redis, documented: Lifetimes) -> dict[str, str]:
    """Return each key that is there now and not the broker's, and the words by which it is documented."""
    patterns = {words: re.compile(re.sub(r"<[^>]*>", "[^:]*", words)) for words in documented}
    names = [name.decode() for name in client.scan_iter()]
    ours = [name for name in names if not BROKER.fullmatch(name)]
    reported = {name: [words for words in patterns if patterns[words].fullmatch(_bare(name))] for name in ours}
    return {name: min(words, key=lambda reported: reported.count("<"), default="") for name, words in reported.items()}


def _bare(name: str) -> str:
    return name.removeprefix(NAMESPACE) if name.startswith(NAMESPACE) else "outside the namespace"


def find_leaks(client: Redis, documented: Lifetimes) -> list[str]:
    """Return the pipeline's keys that have no lifetime although they are not documented as kept."""
    found = find_keys(client, documented)
    ours = {name: words for name, words in found.items() if name.startswith(NAMESPACE)}
    mortal = [name for name, words in ours.items() if not documented.get(words, "").startswith("kept")]
    return sorted(name for name in mortal if client.ttl(name) == -1)
