"""The migration that makes the table."""
