"""The doors of a portal, in this process."""

from tests.support.fixtures import brevo, lonely_station, served, store

__all__ = ["brevo", "lonely_station", "served", "store"]
