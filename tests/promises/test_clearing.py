"""Whether an empty text or ``null`` clears a value is Brevo's affair: an erasure empties it, or names what is left."""

import pytest

from sync_tasks.sandbox import Sandbox
from tests.support.pipeline import Pipeline

PERSONAL = {"BORN": "1990-01-02", "HOBBY": "chess"}


@pytest.mark.parametrize(("empty", "null"), [(True, True), (True, False), (False, True)])
def test_an_erasure_empties_dates_numbers_and_flags_either_way(
    pipeline: Pipeline, brevo: Sandbox, *, empty: bool, null: bool
) -> None:
    brevo.quirks.empty_clears_all, brevo.quirks.null_clears = empty, null
    pipeline.subscribe("anna", attributes={"city": "Ulm", "visits": 3})
    pipeline.work()
    brevo.edit(pipeline.held("anna")["email"], {"attributes": PERSONAL})
    erased = pipeline.anonymize("anna")

    assert erased in pipeline.work().done
    (held,) = brevo.contacts()
    assert not {"VISITS", "BORN"} & {name for name, value in held["attributes"].items() if value}  # type: ignore[attr-defined]


def test_an_erasure_that_cannot_empty_a_value_says_which(pipeline: Pipeline, brevo: Sandbox) -> None:
    brevo.quirks.empty_clears_all = brevo.quirks.null_clears = False
    pipeline.subscribe("anna")
    pipeline.work()
    brevo.edit(pipeline.held("anna")["email"], {"attributes": PERSONAL})
    erased = pipeline.anonymize("anna")

    assert "BORN" in str(pipeline.work_once().dead[erased])
    (held,) = brevo.contacts()
    assert "chess" not in str(held)
