"""``sync-tasks person``: the papers for a person's request: what is held, and what an erasure came to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync_tasks.cli.connections import open_gateways, open_store
from sync_tasks.cli.options import By
from sync_tasks.cli.output import escaped, give_up, print_document, say
from sync_tasks.cli.report_files import ReportError, check_places, write_report

if TYPE_CHECKING:
    from sync_tasks.state.store import Store

app = typer.Typer(help="The papers for a person's request, to hand over.", no_args_is_help=True)
User = Annotated[str, typer.Argument(metavar="USER_ID")]
Html = Annotated[Path | None, typer.Option(help="Write a page to hand over, which only its owner can read.")]


@app.command("report")
def report(user_id: User, *, html: Html = None, by: By) -> None:
    """Show everything that is held of a person, here and at Brevo, as JSON or as a page.

    That is what Articles 15 and 20 of the GDPR ask for. The audit notes who asked. Exit 1 if nothing is held, or
    Brevo could not be asked.
    """
    from sync_tasks.cli.views.person import describe_person, draw_paper
    from sync_tasks.config.settings import load_settings
    from sync_tasks.domain.contact import Contact
    from sync_tasks.state.audit import note_deed
    from sync_tasks.state.dead_letters import read_letters_of

    check_places(html)
    settings = load_settings()
    with open_store() as store:
        contact = store.peek(user_id)
        if contact is None and not read_letters_of(store, user_id):
            erased = "of an erasure of this user: `sync-tasks person erasure`"
            give_up("nothing is held " + (f"but the record {erased}" if store.is_erased(user_id) else "of this user"))
        note_deed(store, by, "report", user_id)
        with open_gateways(store, settings) as gateways:
            described = describe_person(store, settings, contact or Contact(user_id), gateways)
    if html:
        try:
            write_report(html, draw_paper(described), private=True)
        except ReportError as error:
            give_up(str(error))
        say(f"written: {escaped(str(html))}")
    else:
        print_document(described)
    raise typer.Exit(1 if any("error" in account for account in described["brevo"].values()) else 0)


@app.command("erasure")
def erasure(user_id: User, *, by: By) -> None:
    """Show what an erasure came to on each account, when it was verified and who asked for it.

    It holds no address, name or attribute. Exit 1 if no erasure of this user is complete.
    """
    from sync_tasks.state.audit import note_deed

    with open_store() as store:
        described = _describe_erasure(store, user_id)
        if described is None:
            give_up("no erasure of this user is complete: `sync-tasks contact` shows what it waits for")
        note_deed(store, by, "erasure paper", user_id)
    print_document(described)


def _describe_erasure(store: "Store", user_id: str) -> dict[str, Any] | None:
    from dataclasses import asdict

    from sync_tasks.domain.timestamps import moment_of
    from sync_tasks.state.audit import read_audit, read_record
    from sync_tasks.state.consents import read_consents

    erased = store.tombstones.erased_at(user_id)
    if not erased:
        return None
    record = read_record(store, user_id) or {}
    verified = record.get("verified", "")
    asked = [one for one in read_audit(store, user_id) if one.what == "anonymize"]
    return {
        "erased": moment_of(erased).isoformat(),
        "verified": moment_of(verified).isoformat() if verified else None,
        "accounts": record.get("accounts", {}),
        "requested_by": [{"who": one.who, "at": moment_of(one.at).isoformat()} for one in asked]
        or record.get("requested_by", "the portal"),
        "consents_kept": [asdict(one) for one in read_consents(store, user_id, None)],
    }
