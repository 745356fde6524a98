"""``sync-tasks doctor``: examine the installation and say what to do."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from sync_tasks.cli.commands.probe import At, Only, Probing, run_probes
from sync_tasks.cli.connections import open_store
from sync_tasks.cli.options import AsJson
from sync_tasks.cli.output import escaped, lay_out, print_json_list, print_table, say
from sync_tasks.texts import count

if TYPE_CHECKING:
    from sync_tasks.cli.views.doctor_checks import Check
    from sync_tasks.config.settings import Settings
    from sync_tasks.state.store import Store

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def examine(*, probe: Probing = False, at: At = None, account: Only = None, as_json: AsJson = False) -> None:
    """Check the configuration, Redis, the workers, and each account's key, lists, attributes and webhook.

    With `--probe` ask the real account instead what nobody can know from here. The probe makes two contacts, a list and
    attributes of its own, and removes them. It sends no mail and makes at most 80 requests.

    Exit 1 if a check fails, or an answer is worse than assumed; a broken configuration is exit 2.
    """
    from sync_tasks.config.settings import load_settings

    settings = load_settings()
    if probe:
        raise typer.Exit(0 if run_probes(settings, at, account, as_json=as_json) else 1)
    if at or account:
        raise typer.BadParameter("--at and --account go with --probe")
    with open_store(checked=False) as store:
        checks = list(_examine(store, settings))
    if as_json:
        print_json_list([asdict(check) for check in checks])
    else:
        _print(checks)
    raise typer.Exit(1 if any(check.state == "fail" for check in checks) else 0)


def _examine(store: "Store", settings: "Settings") -> "Iterator[Check]":
    from sync_tasks.cli.connections import open_gateways
    from sync_tasks.cli.views import doctor_checks, privacy_checks, webhook_checks

    yield from doctor_checks.check_configuration(settings)
    yield from doctor_checks.check_links(settings)
    redis = list(doctor_checks.check_redis(store.redis))
    yield from redis
    if any(check.state == "fail" for check in redis):
        yield doctor_checks.Check("the rest", "warn", "not looked at: that writes", "mend Redis first")
        return
    yield from privacy_checks.check_privacy(store)
    yield from doctor_checks.check_pipeline(store, settings)
    with open_gateways(store, settings) as gateways:
        for name, gateway in gateways.items():
            yield from doctor_checks.check_account(name, settings, gateway)
            yield from doctor_checks.check_ext_ids(name, settings, gateway, store)
    yield from doctor_checks.check_census(store, settings)
    yield from webhook_checks.check_webhooks(store, settings)


def _print(checks: "list[Check]") -> None:
    table = lay_out("", "Check", "State", "Found", "What to do")
    for check in checks:
        state = f"[{_STYLES[check.state]}]{check.state}[/]"
        table.add_row(escaped(check.what), state, escaped(check.found), escaped(check.advice))
    print_table(table)
    states = Counter(check.state for check in checks)
    counts = [f"[{_STYLES[state]}]{number} {state}[/]" for state, number in states.items()]
    say(f"{count(len(checks), 'check')}: {', '.join(counts)}")
