"""What probes are tried on."""

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import MakePipeline
from tests.support.probing import Prober


@pytest.fixture
def prober(make_pipeline: MakePipeline, quick_brevo: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Prober:
    """A probe of an account with somebody in it."""
    quick_brevo.add_contacts(
        [{"email": "anna@portal.org", "ext_id": "anna", "attributes": {"FIRSTNAME": "Anna"}, "listIds": [3]}]
    )
    return Prober(make_pipeline(), monkeypatch)
