"""The doors of a portal, in this process."""

from tests.support.fixtures import brevo, configuration, lonely_station, served, store, worker_environment

__all__ = ["brevo", "configuration", "lonely_station", "served", "store", "worker_environment"]
