"""What ``.delay()`` returns: the event is accepted, and there are no results to wait for."""

from typing import Any, NoReturn

from celery.result import AsyncResult


class Accepted(AsyncResult):  # type: ignore[type-arg]  # Celery's class takes type parameters from 5.7 on
    """An event is accepted; ``id`` is that of the nudge's message."""

    id: str

    def get(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: what becomes of an event is in the state.

        Raises:
            NotImplementedError: always, as any task of Celery without results does.
        """
        raise NotImplementedError(
            "there are no results: .delay() returning means accepted; see 'sync-tasks contact' for what became of it"
        )

    wait = get

    def _get_task_meta(self) -> NoReturn:
        """Refuse the same for ``state``, ``ready()`` and whatever else asks for a result."""
        self.get()
