"""The table of the outbox, as the database at hand writes it."""

from typing import Any, ClassVar

from django.db import migrations

from sync_tasks.portal.outbox_row import TABLE_NAME
from sync_tasks.portal.outbox_sql import statements_for


def create(_apps: object, schema_editor: Any) -> None:  # noqa: ANN401 - Django's
    """Create the table."""
    for statement in statements_for(schema_editor.connection.vendor):
        schema_editor.execute(statement, None)


def drop(_apps: object, schema_editor: Any) -> None:  # noqa: ANN401 - Django's
    """Drop the table, and with it what still waits."""
    schema_editor.execute(f"DROP TABLE {TABLE_NAME}", None)


class Migration(migrations.Migration):  # type: ignore[misc]  # Django is published without types
    """The first one."""

    initial = True
    dependencies: ClassVar[list[tuple[str, str]]] = []
    operations: ClassVar[list[object]] = [migrations.RunPython(create, drop)]
