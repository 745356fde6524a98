"""Prism as a proxy before the sandbox: it holds each request and each answer against Brevo's text."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from sync_tasks.local.redis_server import free_port
from tests.contract.judged import KEY
from tests.contract.tools import PRISM
from tests.support.processes import Program, StartProgram, wait_until

REQUEST = re.compile(r"\[HTTP SERVER\] (\w+ \S+) .*Request received")
VIOLATION = re.compile(r"\[VALIDATOR\] .*Violation: (.*)")
ADDRESS = re.compile(r"[^/ ?]*(?:%40|@)[^/ ?]*", re.IGNORECASE)


class Prism:
    """A running Prism; ``url`` is what Brevo's base URL is."""

    def __init__(self, program: Program, url: str) -> None:
        self.url = url
        self._program = program
        self._read = 0

    def take_findings(self, requests: int) -> list[str]:
        """Return what Prism disliked since the last look, once it has seen so many requests since then."""
        log = wait_until(lambda: self._new_log(requests), f"{requests} requests in Prism's log")
        self._read += len(log)
        return list(read_findings(log))

    def _new_log(self, requests: int) -> str:
        log = self._program.output[self._read :]
        return log if len(REQUEST.findall(log)) >= requests else ""


def read_findings(log: str) -> Iterator[str]:
    """Yield each violation in Prism's log with the request it belongs to, addresses left out."""
    request = "before any request"
    for line in log.splitlines():
        if found := REQUEST.search(line):
            request = ADDRESS.sub("{address}", found[1])
        elif found := VIOLATION.search(line):
            yield f"{request}: {ADDRESS.sub('{address}', found[1])}"


@contextmanager
def proxying(text: Path, upstream: str, start: StartProgram) -> Iterator[Prism]:
    """Run Prism before ``upstream`` while the block runs.

    Raises:
        AssertionError: Prism does not notice a request that is wrong.
    """
    port = free_port()
    command: list[str | Path] = ["node", PRISM, "proxy", text, upstream, "--host", "127.0.0.1", "--port", str(port)]
    program = start(command, ready="Prism is listening")
    prism = Prism(program, f"http://127.0.0.1:{port}")
    _show_a_wrong_request(prism)
    yield prism
    program.stop()


def _show_a_wrong_request(prism: Prism) -> None:
    """Let Prism see that a judge who notices nothing is none."""
    request = Request(f"{prism.url}/contacts/lists?limit=many", headers={"api-key": KEY})  # noqa: S310 - the url is Prism's
    try:
        urlopen(request, timeout=10).close()  # noqa: S310 - as above
    except OSError as refusal:
        # The sandbox refuses it, too: what counts is Prism's word.
        json.loads(getattr(refusal, "read", lambda: b"null")())
    assert prism.take_findings(1), "Prism took a wrong request for a right one"
