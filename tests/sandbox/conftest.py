"""A sandbox in memory with a clock that tests move; what it says is held against Brevo's OpenAPI text."""

import pytest

from sync_tasks.sandbox import LimitSettings, Sandbox, SandboxSettings
from tests.support.conformance import CheckedSandbox
from tests.support.sandbox_clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> SandboxSettings:
    return SandboxSettings(
        lists={3: "daily", 5: "weekly"},
        attributes={"DAILY_UNSUBSCRIBED": "boolean", "BORN": "date", "VISITS": "float"},
        limits=LimitSettings(enabled=False),
        import_seconds=1.0,
        seed=1,
    )


@pytest.fixture
def brevo(settings: SandboxSettings, clock: Clock) -> Sandbox:
    """A sandbox without rate limits."""
    return CheckedSandbox(settings, clock)


@pytest.fixture
def anna(brevo: Sandbox) -> int:
    """The id of a contact on the list 3."""
    row = {"email": "anna@portal.org", "ext_id": "u-1", "attributes": {"FIRSTNAME": "Anna"}, "listIds": [3]}
    return brevo.add_contacts([row])[0]
