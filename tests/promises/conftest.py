"""A pipeline over a real Redis and the sandbox, in this process, and an operator's desk."""

from tests.cli.conftest import desk, environment
from tests.integration.conftest import brevo, make_pipeline, pipeline, served

__all__ = ["brevo", "desk", "environment", "make_pipeline", "pipeline", "served"]
