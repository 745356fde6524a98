"""The answer of a query to the portal's own database, as a file of CSV in memory: nothing of it lies on a disk."""

import csv
import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync_tasks.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import Engine

_ROWS_AT_ONCE = 1_000


@contextmanager
def open_answer(engine: "Engine", query: str) -> Iterator[Path]:
    """Yield a file with the columns and rows of the answer; its time is that at which the query was asked.

    The query changes nothing: its transaction is rolled back. The file is gone after the block.

    Raises:
        ConfigurationError: the query answers no rows, or this system has no files in memory.
        sqlalchemy.exc.DBAPIError: the database refuses the query, or is away.
    """
    if not hasattr(os, "memfd_create"):
        raise ConfigurationError("--from-database: works on Linux alone; export the rows and use --from")
    asked = time.time()
    descriptor = os.memfd_create("answer")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="", closefd=False) as opened:
            _write_answer(engine, query, opened)
        os.utime(descriptor, (asked, asked))
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _write_answer(engine: "Engine", query: str, opened: io.TextIOBase) -> None:
    writer = csv.writer(opened)
    with engine.connect().execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE) as connection:
        answer = connection.exec_driver_sql(query)
        if not answer.returns_rows:
            connection.rollback()
            raise ConfigurationError("--from-database: the query answers no rows: a SELECT is wanted")
        writer.writerow(answer.keys())
        for row in answer:
            writer.writerow(_cell(value) for value in row)
        connection.rollback()


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a driver makes of a column
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case date():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
