"""A gateway that talks to a scripted server."""

from collections.abc import Iterator

import pytest

from sync_tasks.providers.brevo.client import Brevo
from sync_tasks.providers.brevo.connection import Patience
from tests.support.scripted_brevo import Script, scripted

QUICK = Patience(connect=5, read=10, tries=3, pause=0.001)


@pytest.fixture
def script() -> Iterator[Script]:
    with scripted() as script:
        yield script


@pytest.fixture
def gateway(script: Script) -> Iterator[Brevo]:
    """A gateway that waits long for an answer and hardly between two tries."""
    gateway = Brevo("xkeysib-secret", base_url=script.url, patience=QUICK)
    yield gateway
    gateway.close()


@pytest.fixture
def hasty(script: Script) -> Iterator[Brevo]:
    """A gateway that gives up on an answer at once."""
    gateway = Brevo("xkeysib-secret", base_url=script.url, patience=Patience(connect=5, read=0.2, pause=0.001))
    yield gateway
    gateway.close()
