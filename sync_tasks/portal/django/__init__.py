"""A Django app: the outbox as a table of the portal's own database; add it to ``INSTALLED_APPS``."""
