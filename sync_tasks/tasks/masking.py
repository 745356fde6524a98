"""Keeps what another producer sends in full out of Flower, task events, `inspect` and logs."""

from numbers import Real
from typing import Any

from celery.app.log import Logging
from celery.exceptions import Retry
from celery.worker.request import Request

from sync_tasks import log
from sync_tasks.domain.events import is_shown
from sync_tasks.errors import SyncError
from sync_tasks.tasks.accept import is_nudge


def masked(kwargs: object) -> str:
    """Return what may be shown of a task's arguments: ids and moments."""
    found = kwargs if isinstance(kwargs, dict) else {}
    return repr({name: value for name, value in found.items() if is_shown(name, value)})


def reason_of(retry: BaseException) -> str:
    """Return why a task is tried again, and when; of a foreign error the class alone."""
    trouble = retry.exc if isinstance(retry, Retry) else None
    said = f": {trouble}" if isinstance(trouble, SyncError) else ""
    when = f" (again in {retry.when:.0f} s)" if isinstance(retry, Retry) and isinstance(retry.when, Real) else ""
    return f"{type(trouble or retry).__name__}{said}{when}"


class MaskedRequest(Request):
    """A request that shows the same few arguments whoever sent the message."""

    # Where Celery keeps them; its type stubs do not know.
    _kwargs: object
    _request_dict: dict[str, Any]

    def __init__(self, message: Any, **kwargs: Any) -> None:  # noqa: ANN401 - kombu's message
        headers = kwargs.get("headers") or message.headers
        if getattr(kwargs.get("task"), "event", None) and not is_nudge(headers):
            # A whole event holds from its own moment. Put off, it would lie in Redis until then, and every few minutes
            # be handed out again; expired, it would be lost.
            kwargs["headers"] = headers | {"eta": None, "expires": None}
        super().__init__(message, **kwargs)
        self._argsrepr = "()"
        self._kwargsrepr = masked(self._kwargs)
        self._request_dict["argsrepr"] = self._argsrepr
        self._request_dict["kwargsrepr"] = self._kwargsrepr

    def on_retry(self, exc_info: Any) -> None:  # noqa: ANN401 - Celery's own
        """Report a task to be tried again by its reason; Celery reports the repr of an error inside an error."""
        if self.task.acks_late:
            self.acknowledge()
        raised = exc_info.exception
        self.send_event("task-retried", exception=reason_of(getattr(raised, "exc", raised)), traceback="")

    def info(self, safe: bool = False) -> Any:  # noqa: ANN401, ARG002, FBT001, FBT002 - Celery's own signature
        """Return what `inspect active` shows."""
        return super().info(safe=True)


class MaskedLogging(Logging):
    """Gives the log to ours, in processes that run this application; the portal's own worker keeps its own."""

    def setup_logging_subsystem(self, *_: object, **__: object) -> bool:
        """Set the log up, and signal to Celery that this is done."""
        log.set_up_logging()
        return True
