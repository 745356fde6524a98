"""``sync-tasks webhooks``: the receiver of Brevo's events, and its registration at Brevo."""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.connections import open_desks, open_store
from sync_tasks.cli.output import complain, escaped, say
from sync_tasks.errors import ConfigurationError, SyncError
from sync_tasks.local import setup
from sync_tasks.local.processes import ending_on_signals

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings

PORT = 8026
Host = Annotated[str, typer.Option(help="Where it listens; behind a proxy that speaks TLS, this machine is enough.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0 takes a free one.")]
Url = Annotated[str, typer.Option(help="Where the outside finds the receiver, without the path.", metavar="URL")]
Account = Annotated[str | None, typer.Option(help="Only this account; without it, all.", metavar="NAME")]
Batched = Annotated[bool, typer.Option("--batched/--single", help="Up to 500 events every 5 minutes, or each at once.")]

app = typer.Typer(help="Receive what Brevo tells of its contacts.", no_args_is_help=True)


@app.command("serve")
def serve(*, host: Host = "127.0.0.1", port: Port = PORT) -> None:
    """Receive Brevo's events until Ctrl-C: each asks for a look at its contact.

    `POST /webhooks/brevo/<account>` with a token of `SYNC_WEBHOOK_TOKEN`; `/healthz` and `/readyz` for those who watch.
    It needs no API key: it calls nobody.
    """
    from sync_tasks.config import environment
    from sync_tasks.domain.priority import Priority
    from sync_tasks.log import set_up_logging
    from sync_tasks.state.connection import connect
    from sync_tasks.state.store import Store
    from sync_tasks.tasks import startup
    from sync_tasks.tasks.nudge import nudge_contacts
    from sync_tasks.webhooks.auth import load_tokens
    from sync_tasks.webhooks.server import build_receiver, build_server, listen, prompting

    startup.check_receiver()
    settings, tokens = setup.load_without_keys(), load_tokens()
    store = Store(connect(environment.redis_url()), environment.namespace())
    with suppress(KeyboardInterrupt), ending_on_signals(), listen(host, port) as listener:
        set_up_logging()
        with prompting(partial(nudge_contacts, priority=Priority.LOOK)) as prompter:
            server = build_server(build_receiver(store, settings, tokens, prompter))
            _tell_where(settings, *listener.getsockname()[:2])
            server.run([listener])


def _tell_where(settings: "Settings", host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    for account in settings.accounts:
        typer.echo(f"receiving on http://{shown}:{port}/webhooks/brevo/{account}")


@app.command("install")
def install(*, url: Url, account: Account = None, batched: Batched = False) -> None:
    """Create the webhook at Brevo, or bring it up to date: run it again after changing the token or the URL.

    Brevo is told the first token of `SYNC_WEBHOOK_TOKEN`. Exit 1 where Brevo refuses.
    """
    from sync_tasks.config.settings import load_settings
    from sync_tasks.webhooks.auth import load_tokens

    settings, tokens = load_settings(), load_tokens()
    if account is not None and account not in settings.accounts:
        raise ConfigurationError(f"there is no account {account!r}")
    names = [account] if account is not None else list(settings.accounts)
    done = [install_one(name, settings, url, tokens.current, batched=batched) for name in names]
    raise typer.Exit(0 if all(done) else 1)


def install_one(name: str, settings: "Settings", url: str, token: str, *, batched: bool) -> bool:
    """Install the webhook of one account, and tell whether that worked."""
    from sync_tasks.config import environment
    from sync_tasks.providers.brevo.webhook_setup import Webhook, describe_webhook, install_webhook

    description = describe_webhook(environment.namespace())
    webhook = Webhook(f"{url.rstrip('/')}/webhooks/brevo/{name}", description, batched=batched)
    with open_store() as store, open_desks(store, settings) as desks:
        try:
            done = install_webhook(desks[name], webhook, token)
        except SyncError as error:
            complain(f"{name}: {error}")
            return False
    say(f"[green]✓[/] {escaped(name)}: webhook {done.id} {done.what}, {escaped(webhook.url)}")
    return True
