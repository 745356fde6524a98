"""While an account is paused, what goes wrong is the account's trouble and nobody else's."""

from prometheus_client import REGISTRY

from sync_tasks.domain.outcomes import Outcome
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


def confirmed(task: str) -> float:
    """Return how many events of a task this process has confirmed."""
    return REGISTRY.get_sample_value("sync_tasks_confirmation_seconds_count", {"task": task}) or 0.0


def test_only_what_brevo_agrees_with_counts_as_confirmed(make_pipeline: MakePipeline) -> None:
    pipeline, before = make_pipeline(), confirmed("unsubscribe_contact")
    nobody = pipeline.unsubscribe("zoe", email="zoe@portal.org")
    assert pipeline.work().done == {nobody: Outcome.NOT_FOUND}
    assert confirmed("unsubscribe_contact") == before
    pipeline.subscribe("anna")
    pipeline.work()
    left = pipeline.unsubscribe("anna")
    assert pipeline.work().done == {left: Outcome.SYNCED}
    assert confirmed("unsubscribe_contact") == before + 1
