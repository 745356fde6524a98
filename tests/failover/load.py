"""A portal under load, in a process of its own: threads that call ``.delay()``, again until it accepts.

Each line of the file is one call: when it began, how long it took, the event, and the error if it raised.
"""

import itertools
import json
import sys
import threading
import time
from pathlib import Path

THREADS = 4
PAUSE = 0.03
OPT_OUT_EACH = 4


def main() -> None:
    """Call until standard input ends."""
    out = Path(sys.argv[1]).open("a", buffering=1)  # noqa: SIM115 - as long as the process
    end, turn, numbers = threading.Event(), threading.Lock(), itertools.count()

    def call(task: str, user_id: str) -> bool:
        import sync_tasks

        said = {"user_id": user_id, "newsletter": "daily", "email": f"{user_id}@portal.org"}
        began, error = time.time(), ""
        try:
            getattr(sync_tasks, f"{task}_contact").delay(**said)
        except Exception as raised:  # noqa: BLE001 - what a portal gets to see
            error = type(raised).__name__
        line = {"began": began, "took": time.time() - began, "task": task, "user_id": user_id, "error": error}
        with turn:
            out.write(json.dumps(line) + "\n")
        return not error

    def live() -> None:
        while not end.is_set():
            number = next(numbers)
            opt_out = number % OPT_OUT_EACH == 0
            task, user_id = ("unsubscribe", f"reader-{number}") if opt_out else ("subscribe", f"new-{number}")
            # As a portal must: what raised is called again.
            while not call(task, user_id):
                time.sleep(0.1)
            time.sleep(PAUSE)

    threads = [threading.Thread(target=live) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    end.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
