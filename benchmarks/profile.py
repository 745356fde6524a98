"""``python -m benchmarks.profile [delay|worker|import]``: where the time goes, function by function."""

import argparse
import cProfile
import pstats
import subprocess
import sys
from collections.abc import Callable

from benchmarks.events import sign_up
from benchmarks.importing import TASK
from benchmarks.parts import running

TIMES = 500
LINES = 40


def main() -> None:
    """Profile what is asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("what", nargs="?", choices=PROFILES, help="all of them where nothing is named")
    asked = parser.parse_args().what
    with running() as parts:
        for name in [asked] if asked else PROFILES:
            print(f"\n=== {name}")
            PROFILES[name]()
            parts.forget()


def profile_delay() -> None:
    """Print what a portal's process does in ``.delay()``."""
    from sync_tasks import subscribe_contact

    _print_profile(lambda turn: subscribe_contact.delay(**sign_up(turn)))


def profile_worker() -> None:
    """Print what a portal and a worker do for one new contact, without Celery around the worker."""
    from sync_tasks import subscribe_contact
    from sync_tasks.sync.contact import sync_contact
    from sync_tasks.tasks.bootstrap import worker_resources

    def work(turn: int) -> None:
        # One after the other: of many that wait, the first would take all others along.
        subscribe_contact.delay(**sign_up(turn))
        sync_contact(f"user-{turn}", worker_resources())

    _print_profile(work)


def profile_import() -> None:
    """Print the modules that take longest to load when a task is imported."""
    command = [sys.executable, "-X", "importtime", "-c", TASK]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    parts = [line.removeprefix("import time:").split("|") for line in lines[1:]]
    slowest = sorted(((int(own), name.strip()) for own, _, name in parts), reverse=True)[:LINES]
    for microseconds, name in slowest:
        print(f"{microseconds / 1000:8.2f} ms  {name}")


def _print_profile(act: Callable[[int], object]) -> None:
    act(0)
    with cProfile.Profile() as profile:
        for turn in range(1, TIMES + 1):
            act(turn)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(LINES)


PROFILES = {"delay": profile_delay, "worker": profile_worker, "import": profile_import}


if __name__ == "__main__":
    main()
