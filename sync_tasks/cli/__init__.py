"""The operator's command ``sync-tasks``: every command is one module beside this one.

Exit 0: done; 1: done and found trouble, or Redis is away; 2: wrong use or configuration; 130: Ctrl-C;
143: SIGTERM; 129: SIGHUP. Commands import what is heavy (Celery, the SDK, the sandbox) when they run, so that
``--help`` answers at once.
"""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import sync_tasks
from sync_tasks.cli import examples, output
from sync_tasks.cli.commands import (
    account,
    audit,
    backfill,
    contact,
    demo,
    doctor,
    failed,
    health,
    operate,
    outbox,
    person,
    reconcile,
    sandbox,
    schema,
    secret,
    send,
    serve,
    state,
    status,
    support,
    suppressed,
    up,
    webhooks,
)
from sync_tasks.errors import ConfigurationError
from sync_tasks.local.processes import ending_on_signals

# Typer keeps its name to itself. It says on standard error what is wrong.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
# The exit code of who was interrupted by Ctrl-C.
_INTERRUPTED = 130
# They run until Ctrl-C, and what they print is a log.
_PARTS = (["serve"], ["webhooks", "serve"], ["outbox", "relay"])
# They bring all they need along.
_ON_THEIR_OWN = frozenset({"demo", "health", "sandbox", "schema"})


class Commands(TyperGroup):
    """Commands that end with one line per fault if the configuration makes no sense."""

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - a class that Typer keeps to itself
        """Run the command that was asked for."""
        words = [*ctx._protected_args, *ctx.args]  # noqa: SLF001 - click keeps no other
        output.note_json(wanted="--json" in words)
        if words[:2] in _PARTS or words[:1] in _PARTS:
            _log_as_wished()
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            output.give_up(*map(str, error.args), code=2)
        except _UsageError as error:
            output.explain_to_program(str(getattr(error, "message", error)))
            raise
        except (KeyboardInterrupt, SystemExit):
            output.explain_to_program("interrupted")
            raise
        except typer.Abort:
            output.explain_to_program("aborted: nobody said yes")
            raise


def _log_as_wished() -> None:
    from sync_tasks.log import log_all_output, wants_json

    if wants_json():
        log_all_output()


app = typer.Typer(
    cls=Commands,
    help="The pipeline between a portal's newsletter subscriptions and Brevo, for the one who runs it.",
    epilog="Exit 0: done. 1: done and found trouble. 2: wrong use or configuration.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's way to call it
    if wanted:
        output.say(f"sync-tasks {sync_tasks.__version__}")
        raise typer.Exit


@app.callback()
def check_variables(
    ctx: typer.Context,
    version: Annotated[  # noqa: ARG001, FBT002 - _show_version has ended the command
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The pipeline between a portal's newsletter subscriptions and Brevo, for the one who runs it."""
    if ctx.invoked_subcommand in _ON_THEIR_OWN or "--help" in sys.argv:
        return
    from sync_tasks.tasks import startup

    startup.check_desk()
    startup.warn(output.complain)


app.command("demo")(demo.show_demo)
app.command("up")(up.run_all)
app.command("sandbox")(sandbox.run_sandbox)
app.command("send")(send.send)
app.add_typer(failed.app, name="failed")
app.add_typer(outbox.app, name="outbox")
app.command("backfill")(backfill.backfill)
app.command("reconcile")(reconcile.reconcile)
app.add_typer(suppressed.app, name="suppressed")
app.add_typer(state.app, name="state")
app.command("status")(status.show_status)
app.command("health")(health.show_health)
app.command("contact")(contact.show_contact)
app.add_typer(account.app, name="account")
app.command("unsubscribe")(support.unsubscribe)
app.command("erase")(support.erase)
app.command("doctor")(doctor.examine)
app.command("serve")(serve.serve)
app.command("schema")(schema.show_schema)
app.command("audit")(audit.show_audit)
app.add_typer(person.app, name="person")
app.add_typer(operate.app, name="operate")
app.add_typer(secret.app, name="secret")
app.add_typer(webhooks.app, name="webhooks")


def _add_examples(group: typer.Typer, name: str = "") -> None:
    for command in group.registered_commands:
        command.epilog = examples.epilog_of(f"{name} {command.name}".strip())
    for below in group.registered_groups:
        if below.typer_instance and below.name:
            _add_examples(below.typer_instance, below.name)


_add_examples(app)


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether an error comes from Ctrl-C.

    CPython 3.11 makes a RuntimeError of an exception during the creation of a class, as in an import.
    """
    return error is not None and (isinstance(error, KeyboardInterrupt) or _is_interrupt(error.__cause__))


def main() -> None:
    """Run the command line; of an error nobody expected only class and places are shown: its text may be personal."""
    output.fill_in()
    output.spell_out()
    try:
        with ending_on_signals():
            app(prog_name="sync-tasks")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last frontier
        if _is_interrupt(error):
            sys.exit(_INTERRUPTED)
        if isinstance(error, OSError) and output.is_full(error):
            output.complain(f"standard output cannot be written: {error.strerror}")
            sys.exit(1)
        from sync_tasks.log import describe

        output.complain(f"unexpected error\n{describe(error)}")
        output.explain_to_program(f"unexpected error: {type(error).__name__}")
        sys.exit(1)
