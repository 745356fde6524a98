"""The account's limits and pauses, shared by all processes."""
