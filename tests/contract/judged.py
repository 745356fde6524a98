"""The sandbox that is judged, and Brevo's text with the sandbox in Brevo's place."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sync_tasks.sandbox import LimitSettings, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, serving
from tests.support.conformance import read_text
from tests.support.pipeline import ATTRIBUTES

KEY = "xkeysib-zz"


@contextmanager
def judged_sandbox() -> Iterator[ServedSandbox]:
    """Serve a sandbox without rate limits; it delivers no webhooks, for a fuzzer names any address."""
    settings = SandboxSettings(
        attributes={**ATTRIBUTES, "VIP": "boolean"},
        limits=LimitSettings(enabled=False),
        import_seconds=0.2,
        outbox_limit=0,
        seed=1,
    )
    with serving(settings) as served:
        yield served


def write_text(folder: Path, served: ServedSandbox) -> Path:
    """Write Brevo's corrected text for tools that read files; nothing in it leads to Brevo."""
    path = folder / "brevo.json"
    path.write_text(json.dumps({**read_text(), "servers": [{"url": served.url}]}, default=str))
    return path
