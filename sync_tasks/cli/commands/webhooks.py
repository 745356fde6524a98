"""``sync-tasks webhooks``: the receiver of Brevo's events, and its registration at Brevo."""

import re
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.commands import serve
from sync_tasks.cli.connections import open_desks, open_store
from sync_tasks.cli.output import complain, escaped, say
from sync_tasks.errors import ConfigurationError, SyncError

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings


def _check_url(text: str) -> str:
    from sync_tasks.config.faults import WEB_ADDRESS

    if not re.fullmatch(WEB_ADDRESS, text):
        raise typer.BadParameter("where the receiver is, such as https://hooks.portal.example")
    return text


Url = Annotated[
    str,
    typer.Option(help="Where the outside finds the receiver, without the path.", metavar="URL", callback=_check_url),
]
Account = Annotated[str | None, typer.Option(help="Only this account; without it, all.", metavar="NAME")]
Batched = Annotated[bool, typer.Option("--batched/--single", help="Up to 500 events every 5 minutes, or each at once.")]

app = typer.Typer(help="Receive what Brevo reports of its contacts.", no_args_is_help=True)


app.command("serve")(serve.serve)


@app.command("install")
def install(*, url: Url, account: Account = None, batched: Batched = False) -> None:
    """Create the webhook at Brevo, or bring it up to date: run it again after changing the token or the URL.

    Brevo gets the first token of `SYNC_WEBHOOK_TOKEN`. Exit 1 if Brevo refuses.
    """
    from sync_tasks.config.settings import load_settings
    from sync_tasks.http.tokens import load_tokens

    settings, tokens = load_settings(), load_tokens()
    if account is not None and account not in settings.accounts:
        raise ConfigurationError(f"there is no account {account!r}")
    names = [account] if account is not None else list(settings.accounts)
    done = [install_one(name, settings, url, tokens.current, batched=batched) for name in names]
    raise typer.Exit(0 if all(done) else 1)


def install_one(name: str, settings: "Settings", url: str, token: str, *, batched: bool) -> bool:
    """Install the webhook of one account, and return whether that worked."""
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
