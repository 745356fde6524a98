"""Beat's schedule, with a defect of Celery 5.7 mended.

**What could not be sent was twenty lines every five seconds**, with a traceback. None said what to do.

To drop it: take it out and see its test pass.
"""

from typing import Any

from celery.beat import ScheduleEntry, SchedulingError
from celery.beat import Scheduler as CeleryScheduler

from sync_tasks.log import log
from sync_tasks.state.trouble import describe_refusal, find_refusal
from sync_tasks.tasks.startup import broker_variable


class Scheduler(CeleryScheduler):
    """Celery's schedule; what cannot be sent is one line, and comes again at its next time."""

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:  # noqa: ANN401 - Celery's signature
        """Send what is due."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            refusal, variable = find_refusal(error), broker_variable()
            away = f"the queue is away: start its server, or correct {variable}"
            why = describe_refusal(refusal, variable) if refusal else away
            log.error("%s was not sent: %s", entry.name, why)
