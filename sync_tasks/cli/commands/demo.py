"""``sync-tasks demo``: the whole pipeline on this machine, played once."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync_tasks.cli.output import command_here, escaped, give_up, lay_out, open_console, print_table, say
from sync_tasks.domain.pauses import list_part, name_of
from sync_tasks.errors import SyncError
from sync_tasks.heartbeat import forget_dead
from sync_tasks.local import setup
from sync_tasks.local.processes import PartEndedError, Parts, ending_on_signals
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings
    from sync_tasks.local.redis_server import EmbeddedRedis
    from sync_tasks.sandbox.sandbox import Sandbox
    from sync_tasks.sandbox.server import ServedSandbox
    from sync_tasks.state.store import Store

# As fast as a small portal, so that there is something to change at Brevo by the time somebody changes it.
EVENTS_PER_SECOND = 15
SETTLED_WITHIN = 60.0
STOPPED_WITHIN = 5.0
MENDED = "books"
DOORS = """
The door of your portal to this pipeline:
  Python       subscribe_contact.delay(…)  docs/how-to/django.md
  Django, SQL  a row that COMMIT sends     docs/how-to/outbox.md
  HTTP         POST /events                docs/how-to/events-over-http.md
  a queue      a message in JSON           docs/how-to/other-producers.md"""
WORKERS = 2
_LOOK_EVERY = 0.05
_MOST_DIRTY = 10_000


class DemoFailedError(SyncError):
    """The demo did not go as it should."""


@dataclass
class Stage:
    """What the demo plays on."""

    redis: "EmbeddedRedis"
    brevo: "ServedSandbox"
    parts: Parts
    settings: "Settings"

    @cached_property
    def store(self) -> "Store":
        """The state of the pipeline."""
        from sync_tasks.state.connection import connect
        from sync_tasks.state.store import Store

        return Store(connect(self.redis.url, connections=4), "sync_tasks")


def show_demo() -> None:
    """Play the sample events of a portal: Redis, a local Brevo, two workers and beat, all of it gone afterwards.

    Needs no server, no key and no configuration, and touches none. The people shown are invented, so their addresses
    are not masked.
    """
    started = time.monotonic()
    with ending_on_signals(), _keeping_logs_of_failures() as folder:
        with ExitStack() as stack:
            stage = _set_up(folder, stack)
            _play(stage)
            say("\nstopping everything")
        say(
            f"[green]done[/] in {time.monotonic() - started:.0f} s; next: [bold]{command_here('up')}[/], and the README"
        )


@contextmanager
def _keeping_logs_of_failures() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sync-tasks-demo-"))
    try:
        yield folder
    except (DemoFailedError, PartEndedError) as error:
        give_up(f"the demo failed: {error}\nwhat its parts said is in {folder}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        forget_dead()
    shutil.rmtree(folder, ignore_errors=True)


def _set_up(folder: Path, stack: ExitStack) -> Stage:
    """Start all parts and return once they are ready."""
    from sync_tasks.local.redis_server import EmbeddedRedis

    setup.forget_settings()
    setup.announce({"SYNC_CONFIG": str(_write_configuration(folder)), "SYNC_API_KEY": setup.ANY_KEY})
    settings = setup.load_without_keys()
    redis = stack.enter_context(EmbeddedRedis(folder / "redis", password=secrets.token_hex(16)))
    say(f"[green]✓[/] Redis on 127.0.0.1:{redis.port}")
    brevo = stack.enter_context(setup.serve(setup.model_brevo(settings, without=MENDED), 0))
    say(f"[green]✓[/] Brevo's sandbox on {brevo.origin}/")
    setup.announce({"SYNC_REDIS_URL": redis.url, "SYNC_BASE_URL": brevo.url})
    return Stage(redis, brevo, _start_parts(folder, stack), settings)


def _write_configuration(folder: Path) -> Path:
    """Return the configuration of the examples, less patient: nobody wants to watch for half a minute."""
    text, path = setup.example("sync_tasks.toml").read_text(), folder / "sync_tasks.toml"
    hasty = text.replace("# probe_seconds = 30", "probe_seconds = 1").replace(
        "# grace_seconds = 15", "grace_seconds = 2"
    )
    path.write_text(hasty)
    return path


def _start_parts(folder: Path, stack: ExitStack) -> Parts:
    started = time.monotonic()

    def hear(name: str, line: str) -> None:
        with (folder / f"{name}.log").open("a") as log:
            log.write(f"{line}\n")

    processes = stack.enter_context(Parts(os.environ, hear, patience=STOPPED_WITHIN))
    with open_console().status("starting two workers and beat"):
        setup.start_workers(processes, WORKERS)
        processes.wait_until_ready()
    say(f"[green]✓[/] two worker processes and beat, ready in {time.monotonic() - started:.1f} s")
    return processes


def _play(stage: Stage) -> None:
    say(DOORS)
    _send_sample()
    seconds = _wait_until(stage, lambda: _is_settled(stage, _waiting_for_list(stage)))
    say(f"[green]✓[/] Brevo agrees {seconds:.1f} s later, after {count(stage.brevo.sandbox.journal.total, 'request')}")
    _show_contacts(stage, "what Brevo holds", stage.brevo.sandbox.contacts())
    _show_letters(stage)
    _create_list(stage)


def _send_sample() -> None:
    from sync_tasks.backfill.text import Text
    from sync_tasks.cli.commands.send import RefusedLine, report_sent, send_lines

    def report(refusal: RefusedLine) -> None:
        say(f"  line {refusal.line}: {escaped(refusal.reason)}")

    file = setup.example("portal-events.jsonl")
    say(f"\n[bold]$ sync-tasks send {file.name}[/]")
    with file.open("rb") as lines:
        sent = send_lines(Text(lines), rate=EVENTS_PER_SECOND, refuse=report, size=file.stat().st_size)
    report_sent(sent)
    if sent.stopped_at is not None or not sent.accepted:
        raise DemoFailedError("the sample events were not accepted")


def _wait_until(stage: Stage, is_settled: Callable[[], bool]) -> float:
    """Return how long it took until Brevo agreed and no message was left.

    Raises:
        DemoFailedError: it takes too long.
    """
    start = time.monotonic()
    with open_console().status("waiting until Brevo agrees"):
        while not is_settled():
            stage.parts.check()
            if time.monotonic() - start > SETTLED_WITHIN:
                raise DemoFailedError(f"not settled after {SETTLED_WITHIN:.0f} s")
            time.sleep(_LOOK_EVERY)
    return time.monotonic() - start


def _is_settled(stage: Stage, waiting: Iterable[str] = ()) -> bool:
    """Return whether nothing is on its way any more but what waits."""
    from sync_tasks.state.bulk import oldest_dirty

    redis, key = stage.store.redis, stage.store.key
    messages = redis.exists("sync_tasks", "sync_tasks.urgent", "sync_tasks.background", key("unacked"))
    return not messages and {user for user, _ in oldest_dirty(stage.store, _MOST_DIRTY)} <= set(waiting)


def _waiting_for_list(stage: Stage) -> list[str]:
    """Return users whose events wait for the list that is missing."""
    from sync_tasks.state.bulk import read_waiting

    part = name_of("default", list_part(stage.settings.newsletters[MENDED].list_id))
    return read_waiting(stage.store, part, _MOST_DIRTY)


def _show_contacts(stage: Stage, title: str, contacts: Iterable[Mapping[str, Any]]) -> None:
    slugs = {known.list_id: slug for slug, known in stage.settings.newsletters.items()}
    table = lay_out(title, "User", "Address", "Name", "City", "Newsletters")
    for contact in sorted(contacts, key=lambda contact: str(contact["ext_id"]).rjust(30)):
        attributes, erased = contact["attributes"], contact["ext_id"].startswith("deleted-")
        newsletters = ", ".join(slugs[number] for number in contact["listIds"]) or "none"
        table.add_row(
            "erased" if erased else escaped(contact["ext_id"]),
            escaped(contact["email"]),
            escaped(f"{attributes.get('FIRSTNAME', '')} {attributes.get('LASTNAME', '')}"),
            escaped(attributes.get("CITY", "")),
            "[red]blocklisted[/]" if contact["emailBlacklisted"] else newsletters,
        )
    print_table(table)


def _show_letters(stage: Stage) -> None:
    from sync_tasks.cli.views.dead_letters import print_letters
    from sync_tasks.state.dead_letters import read_letters

    say("\n[bold]$ sync-tasks failed list[/]")
    print_letters(read_letters(stage.store))


def create_list(sandbox: "Sandbox", name: str, within: float = 10.0) -> None:
    """Create a list at Brevo as a person would: the limits of the account are the person's as well.

    Raises:
        DemoFailedError: it was refused, or for ``within`` seconds others had used the limit up.
    """
    deadline = time.monotonic() + within
    while (
        answer := sandbox.request("POST", "/contacts/lists", {"name": name, "folderId": 1})
    ).status != HTTPStatus.CREATED:
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS or time.monotonic() > deadline:
            raise DemoFailedError(f"the list {name} could not be created: Brevo answered {answer.status}")
        time.sleep(_LOOK_EVERY)


def _create_list(stage: Stage) -> None:
    """Create the list that was missing, and show that whoever waited for it gets there by itself."""
    wanted = stage.settings.newsletters[MENDED].list_id
    waiting = len(_waiting_for_list(stage))
    say(f"\nthe list of [bold]{MENDED}[/] does not exist at Brevo: {count(waiting, 'contact')} waits, all else goes on")
    create_list(stage.brevo.sandbox, MENDED)
    seconds = _wait_until(stage, lambda: _is_settled(stage))
    contacts: list[dict[str, Any]] = stage.brevo.sandbox.contacts()
    there = [contact for contact in contacts if wanted in contact["listIds"]]
    say(f"somebody creates it there; [green]✓[/] {seconds:.1f} s later:")
    _show_contacts(stage, "who waited for it", there)
    if not waiting or len(there) != waiting:
        raise DemoFailedError("who waited for the list is not on it")
