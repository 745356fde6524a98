"""What Django asks of an app."""

from typing import ClassVar

from django.apps import AppConfig


class OutboxConfig(AppConfig):  # type: ignore[misc]  # Django is published without types
    """The outbox; it has a table and no models."""

    name: ClassVar[str] = "sync_tasks.portal.django"
    label: ClassVar[str] = "sync_tasks_outbox"
    verbose_name: ClassVar[str] = "events for the newsletter pipeline"
