"""``sync-tasks health``: whether the worker or beat of this machine lives, for containers."""

from enum import StrEnum
from typing import Annotated

import typer

from sync_tasks.cli.options import AsJson
from sync_tasks.cli.output import complain, print_json, say


class Beating(StrEnum):
    """Which processes leave signs of life."""

    WORKER = "worker"
    BEAT = "beat"


Which = Annotated[Beating, typer.Argument(help="Which process of this machine.", metavar="worker|beat")]


def show_health(part: Which, *, as_json: AsJson = False) -> None:
    """Return whether the worker or beat of this machine, or container, lives and turns.

    It asks neither Redis nor the workers, so it is quick. Exit 1 if there is none, or one whose sign of life is old.
    """
    from sync_tasks.heartbeat import find_signs

    signs = sorted(find_signs(part), key=lambda sign: sign.pid)
    well = bool(signs) and all(sign.well for sign in signs)
    if as_json:
        print_json({"well": well, "signs": [{"pid": sign.pid, "seconds": round(sign.age, 1)} for sign in signs]})
    for sign in signs if not as_json else ():
        (say if sign.well else complain)(f"{part} {sign.pid}: last sign of life {sign.age:.0f} s ago")
    if not signs and not as_json:
        complain(f"no {part} of this user lives on this machine: start `celery -A sync_tasks {part}`")
    raise typer.Exit(0 if well else 1)
