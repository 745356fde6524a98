"""Requests about processes: what works on after its request was answered."""

from sync_tasks.sandbox.account import Process, SandboxAccount
from sync_tasks.sandbox.searching import read_page
from sync_tasks.sandbox.wire import ApiCall, JsonObject, Reply, answer, not_found, read_number

REPORTED = ("contact_id", "ext_id", "email_id", "phone_id", "whatsapp_id", "landline_number_id")


def show_processes(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show a page of the processes."""
    offset, size, newest_first = read_page(call, default=10, limit=50)
    numbers = sorted(account.processes, reverse=newest_first)[offset : offset + size]
    shown = [_show(account, account.processes[number]) for number in numbers]
    return answer(200, {"processes": shown, "count": len(account.processes)})


def show_process(account: SandboxAccount, call: ApiCall) -> Reply:
    """Show how far a process is; Brevo does not show what became of single rows."""
    process = account.processes.get(read_number(call.params[0]) or 0)
    if process is None:
        raise not_found("Process ID does not exist")
    return answer(200, _show(account, process))


def _show(account: SandboxAccount, process: Process) -> JsonObject:
    status = process.status(account.clock())
    # How Brevo names the emptying of a list is not documented.
    shown: JsonObject = {"id": process.id, "name": "IMPORTUSER", "status": status}
    if status == "completed":
        shown["info"] = {"import": _show_report(process)}
    return shown


def _show_report(process: Process) -> JsonObject:
    link = f"https://files.sandbox.example/{process.id}"
    report: JsonObject = dict.fromkeys(f"duplicate_{kind}" for kind in REPORTED)
    report["invalid_emails"] = f"{link}/invalid.csv" if process.invalid_emails else None
    report["duplicate_ext_id"] = f"{link}/duplicate_ext_id.csv" if process.duplicate_ext_ids else None
    return report
