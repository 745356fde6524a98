"""Bring contacts in sync, alone or many at once."""
