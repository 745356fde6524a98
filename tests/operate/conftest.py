"""The operator's page in this process, with a pipeline behind it and two operators."""

from tests.support.fixtures import brevo, make_pipeline, pipeline, served, store
from tests.support.operating import door, operators

__all__ = ["brevo", "door", "make_pipeline", "operators", "pipeline", "served", "store"]
