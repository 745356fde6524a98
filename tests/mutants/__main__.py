"""Change what a branch touches, one line at a time, and print each change that no test notices. No gate.

``make mutants ARGS=main`` takes the lines that differ from ``main``; without a name it takes the whole package.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from coverage import CoverageData
from rich.console import Console
from rich.progress import track

from tests.mutants.changes import Change, choose, find_changes

ROOT = Path(__file__).parents[2]
CALLERS = "sync_tasks/state/store.py"
DATA = ROOT / ".coverage.mutants"
COPIES = 2
MOST_TESTS = 40
PATIENCE = 120


def main() -> None:
    """Try the changes and print what nobody noticed; the exit code is 0 all the same."""
    options = read_options()
    console = Console(soft_wrap=True)
    changes = choose(list(find_all(options.base)), options.most, options.seed)
    if not changes:
        console.print("nothing to change: the package is as it is there")
        return
    measure(console)
    data = CoverageData(str(DATA))
    data.read()
    started = time.monotonic()
    unnoticed = [change for change, noticed in try_all(changes, data, options.seed) if not noticed]
    for change in unnoticed:
        console.print(f"\n[bold]nobody noticed[/] {change}", highlight=False)
    share = 100 * (len(changes) - len(unnoticed)) / len(changes)
    console.print(f"\n{len(changes)} changes, {share:.0f} % noticed, {time.monotonic() - started:.0f} s")


def read_options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("base", nargs="?", help="the revision with which the package is compared")
    parser.add_argument("--most", type=int, default=40, help="so many changes at most (40)")
    parser.add_argument("--seed", type=int, default=random.randrange(1000), help="draws the changes")
    return parser.parse_args()


def find_all(base: str | None) -> Iterator[Change]:
    """Yield all changes to the lines that differ from ``base``."""
    for path, lines in sorted(touched(base).items()):
        if (ROOT / path).exists():
            yield from find_changes(path, (ROOT / path).read_text(), lines)


def touched(base: str | None) -> dict[str, set[int]]:
    """Return the lines of each file of the package that differ from ``base``."""
    if base is None:
        files = [path for kind in ("*.py", "*.lua") for path in (ROOT / "sync_tasks").rglob(kind)]
        return {str(path.relative_to(ROOT)): set(range(1, 10_000)) for path in files if "sandbox" not in path.parts}
    told = git("diff", "--unified=0", "--no-renames", base, "--", "sync_tasks")
    found: dict[str, set[int]] = {}
    path = ""
    for line in told.splitlines():
        if line.startswith("+++ "):
            path = line.removeprefix("+++ b/")
        elif hunk := re.match(r"@@ \S+ \+(\d+)(?:,(\d+))? @@", line):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            found.setdefault(path, set()).update(range(start, start + count))
    return {path: lines for path, lines in found.items() if path.endswith((".py", ".lua"))}


def git(*words: str) -> str:
    """Return what git says."""
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S607 - from the PATH


def measure(console: Console) -> None:
    """Find out which tests run which lines, unless that is known for the files as they are."""
    sources = [path for folder in ("sync_tasks", "tests") for path in (ROOT / folder).rglob("*.py")]
    if DATA.exists() and DATA.stat().st_mtime > max(path.stat().st_mtime for path in sources):
        return
    console.print("running all tests once, to learn which of them run which line …")
    words = ["-n", "3", "-q", "--no-summary", "--cov", "--cov-context=test", "--cov-report=", "-m", "not slow"]
    environment = os.environ | {"COVERAGE_FILE": str(DATA)}
    subprocess.run([sys.executable, "-m", "pytest", *words], cwd=ROOT, check=False, env=environment)


def try_all(changes: list[Change], data: CoverageData, seed: int) -> Iterator[tuple[Change, bool]]:
    """Yield each change and whether a test noticed it."""
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(COPIES) as pool:
        for number in range(COPIES):
            copies.put(copy_tree(Path(folder) / str(number) / "tree"))

        def attempt(change: Change) -> tuple[Change, bool]:
            copy = copies.get()
            try:
                return change, is_noticed(change, copy, find_tests(change, data, seed))
            finally:
                copies.put(copy)

        yield from track(pool.map(attempt, changes), "trying changes", total=len(changes))


def copy_tree(copy: Path) -> Path:
    """Return a copy of all that git knows of, as it is in the work tree."""
    for name in git("ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


def find_tests(change: Change, data: CoverageData, seed: int) -> list[str]:
    """Return the tests that run a line; of a script, those that run the method which calls it."""
    if change.path.endswith(".lua"):
        name = Path(change.path).stem
        lines = (ROOT / CALLERS).read_text().split("\n")
        places = [(CALLERS, number) for number, line in enumerate(lines, 1) if f'"{name}"' in line]
    else:
        places = [(change.path, change.line)]
    tests = {
        context.partition("|")[0]
        for path, line in places
        for context in data.contexts_by_lineno(str(ROOT / path)).get(line, [])
        if context
    }
    name = Path(change.path).stem
    near = sorted(test for test in tests if name in test)
    far = sorted(tests.difference(near))
    random.Random(seed).shuffle(far)
    return (near + far)[:MOST_TESTS]


def is_noticed(change: Change, copy: Path, tests: list[str]) -> bool:
    """Tell whether one of the tests fails with the change."""
    path = copy / change.path
    text = path.read_text()
    path.write_text(change.apply(text))
    words = ["-x", "-q", "--no-header", "-p", "no:randomly", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=copy,
            env=environment,
            check=False,
            capture_output=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(text)
    return bool(tests) and done.returncode not in {0, 5}


if __name__ == "__main__":
    main()
