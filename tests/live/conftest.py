"""A real account at Brevo, in which the tests make lists and contacts of their own, and remove them.

``BREVO_LIVE_KEY`` is its key, ``BREVO_LIVE_MAILBOX`` a mailbox of yours, of which plus-addresses are taken, and
``BREVO_LIVE_URL`` another base URL, such as the sandbox's.
"""

import os
from collections.abc import Iterator

import pytest

from sync_tasks.config.base_url import BREVO_URL
from sync_tasks.state.store import Store
from tests.support.live import LiveAccount, opening


@pytest.fixture
def live(store: Store) -> Iterator[LiveAccount]:
    """An account with two lists of the test's own; lists and contacts are removed at its end."""
    key, mailbox = os.environ.get("BREVO_LIVE_KEY", ""), os.environ.get("BREVO_LIVE_MAILBOX", "")
    if not (key and mailbox):
        pytest.skip("BREVO_LIVE_KEY and BREVO_LIVE_MAILBOX name no account to try it on")
    with opening(store, key, mailbox, os.environ.get("BREVO_LIVE_URL", BREVO_URL)) as account:
        yield account
