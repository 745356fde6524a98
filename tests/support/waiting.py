"""A Celery application with the pipeline's settings and one task, which lasts until a file exists."""

from pathlib import Path

from celery import Celery

from tests.support.processes import wait_until

app = Celery("waiting")
app.config_from_object("sync_tasks.tasks.config")
app.conf.worker_soft_shutdown_timeout = 0.5


@app.task(name="waiting.wait_for")
def wait_for(path: str) -> None:
    print(f"waits for {Path(path).name}", flush=True)  # noqa: T201 - the test reads it
    wait_until(Path(path).exists, path, timeout=60)
    print(f"has seen {Path(path).name}", flush=True)  # noqa: T201 - as above
