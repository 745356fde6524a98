"""A whole pipeline on one machine."""
