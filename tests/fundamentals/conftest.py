"""A pipeline over a real Redis and the sandbox, in this process."""

from tests.integration.conftest import brevo, make_pipeline, pipeline, served

__all__ = ["brevo", "make_pipeline", "pipeline", "served"]
