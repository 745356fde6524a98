"""A portal: it hands each event of a file to its task with ``delay`` and prints what came of it, one line each."""

import json
import sys
import time
from pathlib import Path

import sync_tasks


def main() -> None:
    """Print ``accepted`` or ``refused``, the error's class, and how many seconds the call took."""
    for line in Path(sys.argv[1]).read_text().splitlines():
        said = json.loads(line)
        task = getattr(sync_tasks, said.pop("task"))
        began = time.monotonic()
        try:
            task.delay(**said)
            told = "accepted"
        except Exception as error:  # noqa: BLE001 - what a portal gets to see
            told = f"refused {type(error).__name__}"
        print(f"{told} {time.monotonic() - began:.2f}", flush=True)  # noqa: T201 - the test reads it
    print("done", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main()
