"""A pipeline over a real Redis and the sandbox, in this process or in processes of its own, and an operator's desk."""

from tests.cli.conftest import desk, environment
from tests.integration.conftest import brevo, either_brevo, make_pipeline, pipeline, served
from tests.reliability.conftest import make_rig, rig

__all__ = ["brevo", "desk", "either_brevo", "environment", "make_pipeline", "make_rig", "pipeline", "rig", "served"]
