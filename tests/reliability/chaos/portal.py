"""A portal in a process of its own: it calls the tasks at full speed, and again where a call raises.

What it prints is looked through for personal data, as every log is; what was accepted goes to a file.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import sync_tasks
from sync_tasks.errors import SyncError

THREADS = 4
AGAIN_AFTER = 0.2


def main(events: Path, accepted: Path, waves: int, seconds: float) -> None:
    """Send the events of a file, one JSON object a line, in waves spread over so many seconds."""
    lines = events.read_text().splitlines()
    size, began = -(-len(lines) // waves), time.monotonic()
    with accepted.open("w", buffering=1) as out, ThreadPoolExecutor(THREADS) as pool:
        for wave in range(waves):
            time.sleep(max(began + wave * seconds / waves - time.monotonic(), 0))
            list(pool.map(partial(_send, out=out), lines[wave * size : (wave + 1) * size]))


def _send(line: str, *, out: TextIO) -> None:
    event = json.loads(line)
    began, tries = time.time(), 1
    while not _is_accepted(**event):
        tries += 1
        time.sleep(AGAIN_AFTER)
    reported = {"number": event["number"], "began": began, "ended": time.time(), "tries": tries}
    out.write(f"{json.dumps(reported)}\n")


def _is_accepted(number: int, task: str, said: dict[str, Any]) -> bool:
    try:
        getattr(sync_tasks, task).delay(**said)
    except SyncError:
        raise
    except Exception as error:  # noqa: BLE001 - Redis is away; whatever it is, the portal sends again
        print(f"event {number} was not accepted: {type(error).__name__}", flush=True)  # noqa: T201
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
