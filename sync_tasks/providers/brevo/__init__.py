"""Brevo behind our own words."""
