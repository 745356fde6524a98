"""``sync-tasks serve``: all doors over HTTP, each open if its token or secret is set."""

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sync_tasks.cli.options import Port
from sync_tasks.errors import ConfigurationError
from sync_tasks.local import setup
from sync_tasks.local.processes import ending_on_signals

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from sync_tasks.config.settings import Settings
    from sync_tasks.http.tokens import Tokens
    from sync_tasks.state.store import Store

PORT = 8026
Host = Annotated[str, typer.Option(help="Where it listens; behind a proxy that speaks TLS, this machine is enough.")]


def _check_link(text: str | None) -> str | None:
    from sync_tasks.config.faults import WEB_ADDRESS

    if text and not re.fullmatch(WEB_ADDRESS, text):
        raise typer.BadParameter("where Flower is, such as http://127.0.0.1:5555")
    return text


Passwords = Annotated[
    Path | None, typer.Option(help="The page lets these in and nobody else; without it `[operate]` says whom.")
]
FlowerUrl = Annotated[
    str | None, typer.Option(help="Where Flower is, in place of `operate.flower_url`.", callback=_check_link)
]


def serve(
    *, host: Host = "127.0.0.1", port: Port = PORT, passwords: Passwords = None, flower_url: FlowerUrl = None
) -> None:
    """Open the doors over HTTP until Ctrl-C: Brevo's events, the portal's events, the pages of users and operators.

    `POST /webhooks/brevo/<account>` with a token of `SYNC_WEBHOOK_TOKEN`; `/unsubscribe/<newsletter>/<token>` if
    `SYNC_UNSUBSCRIBE_SECRET` is set; `POST /events` with a token of `SYNC_EVENTS_TOKEN`; the operator's page `/operate`
    if `SYNC_OPERATE_SECRET` is set; `/healthz` and `/readyz` for those who watch. It needs no API key: it calls nobody.
    """
    from sync_tasks.config import environment
    from sync_tasks.domain.priority import Priority
    from sync_tasks.http.tokens import WEBHOOK_TOKEN, find_tokens
    from sync_tasks.log import set_up_logging
    from sync_tasks.state.connection import connect
    from sync_tasks.state.store import Store
    from sync_tasks.tasks import startup
    from sync_tasks.tasks.accept import nudge_contacts
    from sync_tasks.webhooks.server import build_receiver, build_server, listen, prompting

    startup.check_receiver()
    settings, tokens = _load_settings(passwords, flower_url), find_tokens(WEBHOOK_TOKEN)
    store = Store(
        connect(environment.redis_url()),
        environment.namespace(),
        tolerance=settings.pipeline.clock_tolerance,
        secrets=environment.state_secrets(),
    )
    places, routes = _open_doors(settings, tokens, store)
    with suppress(KeyboardInterrupt), ending_on_signals(), listen(host, port) as listener:
        set_up_logging()
        with prompting(partial(nudge_contacts, priority=Priority.LOOK)) as prompter:
            server = build_server(build_receiver(store, settings, tokens, prompter), more=routes)
            _report_where(places, *listener.getsockname()[:2])
            server.run([listener])


def _load_settings(passwords: Path | None, flower_url: str | None) -> "Settings":
    """Return the configuration with what the command line says of the operator's page."""
    settings = setup.load_without_keys()
    changes: dict[str, object] = {"flower_url": flower_url} if flower_url else {}
    if passwords:
        changes |= {"passwords": passwords, "user_header": None}
    return settings.model_copy(update={"operate": settings.operate.model_copy(update=changes)})


def _open_doors(settings: "Settings", tokens: "Tokens", store: "Store") -> tuple[list[str], "list[BaseRoute]"]:
    """Return where the open doors are, and what a server needs for those beside webhooks.

    Raises:
        ConfigurationError: none is open, or the configuration of one makes no sense.
    """
    from sync_tasks.config.secrets import OPERATE_SECRET, UNSUBSCRIBE_SECRET, read_secrets
    from sync_tasks.http.tokens import EVENTS_TOKEN, WEBHOOK_TOKEN, find_tokens

    places = [f"/webhooks/brevo/{account}" for account in settings.accounts] if tokens.valid else []
    routes: list[BaseRoute] = []
    if secrets := read_secrets(UNSUBSCRIBE_SECRET):
        places.append("/unsubscribe/")
        routes += _open_unsubscribe_page(settings, secrets)
    if (senders := find_tokens(EVENTS_TOKEN)).valid:
        places.append("/events")
        routes += _open_intake(senders)
    if operate_secrets := read_secrets(OPERATE_SECRET):
        places.append("/operate")
        routes += _open_operate_page(settings, operate_secrets, store)
    if not places:
        variables = f"{WEBHOOK_TOKEN}, {UNSUBSCRIBE_SECRET}, {EVENTS_TOKEN} or {OPERATE_SECRET}"
        raise ConfigurationError(f"no door is open; set {variables}, or its _FILE")
    return places, routes


def _open_unsubscribe_page(settings: "Settings", secrets: tuple[str, ...]) -> "list[BaseRoute]":
    from sync_tasks.portal.unsubscribe_page import UnsubscribePage, load_template
    from sync_tasks.tasks import unsubscribe_contact

    def unsubscribe(user_id: str, newsletter: str) -> None:
        unsubscribe_contact.delay(user_id=user_id, newsletter=newsletter)

    template = load_template(settings.unsubscribe.template)
    return [*UnsubscribePage(settings, secrets, unsubscribe, template).routes]


def _open_intake(tokens: "Tokens") -> "list[BaseRoute]":
    from sync_tasks.portal.intake import Intake, accept_by_tasks

    return [*Intake(tokens, accept_by_tasks()).routes]


def _open_operate_page(settings: "Settings", secrets: tuple[str, ...], store: "Store") -> "list[BaseRoute]":
    from pydantic import SecretStr

    from sync_tasks.config.secrets import UNSUBSCRIBE_SECRET, read_secrets
    from sync_tasks.http.tokens import OPERATE_TOKEN, find_tokens
    from sync_tasks.operate.app import build_page
    from sync_tasks.operate.doorkeeper import Doorkeeper

    links = read_secrets(UNSUBSCRIBE_SECRET)
    if settings.unsubscribe.writes and not links:
        raise ConfigurationError(
            f"operate: the page compares contacts with the tokens they hold: set {UNSUBSCRIBE_SECRET}"
        )
    own = settings.unsubscribe.model_copy(update={"secrets": tuple(map(SecretStr, links))})
    settings = settings.model_copy(update={"unsubscribe": own})
    doorkeeper = Doorkeeper(settings.operate, secrets, find_tokens(OPERATE_TOKEN))
    doorkeeper.check()
    return [*build_page(store, settings, doorkeeper).routes]


def _report_where(places: list[str], host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    for place in places:
        typer.echo(f"receiving on http://{shown}:{port}{place}")
