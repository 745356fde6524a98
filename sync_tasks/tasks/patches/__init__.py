"""Defects of Celery and kombu, mended until their releases mend them."""
