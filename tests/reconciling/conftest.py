"""A full comparison against a real Redis and the sandbox, in this process, and as an operator's command."""

from tests.cli.conftest import desk, environment
from tests.integration.conftest import brevo, make_pipeline, pipeline, served

__all__ = ["brevo", "desk", "environment", "make_pipeline", "pipeline", "served"]
