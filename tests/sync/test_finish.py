"""While an account is paused, what goes wrong is the account's trouble and nobody else's."""

from sync_tasks.errors import GatewayUnavailableError
from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import MakePipeline
from tests.support.processes import wait_until


def test_a_probe_of_a_paused_account_that_stays_unanswered_is_not_the_contacts_trouble(
    make_pipeline: MakePipeline, brevo: Sandbox
) -> None:
    pipeline = make_pipeline(pipeline={"quiet_seconds": 0, "probe_seconds": 0.001})
    pipeline.subscribe("anna")
    pipeline.resources.limiter.pause("default", GatewayUnavailableError("POST /contacts: 503"))
    brevo.add_fault("drop", path="contacts")

    for _ in range(3):
        wait_until(lambda: pipeline.sync("anna").retry_in is not None, "a probe")

    contact = pipeline.state("anna")
    assert contact.pending
    assert (contact.tries, contact.failing) == (0, "")
