"""Records that hold a person, a caller or a secret show none of it; what is a record is frozen and has slots."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "sync_tasks"
HIDDEN = {
    "backfill": "ImportBatch LoadedContact Wave Weighed",
    "config": "Broker Sentinels",
    "domain": "Change Contact DesiredContact NewContact RemoteState Rest Search SyncView UnreadContact Write",
    "http": "Tokens",
    "monitoring": "Case",
    "operate": "CauseBoard Doorkeeper HtmlPage Lane LoginBounds Move OperatePage PasswordEntry Visit",
    "portal": "HeldContact Intake OutboxRow UnsubscribePage",
    "probe": "Bench Made Probe",
    "providers": "RemotePage",
    "providers.brevo": "Answer Call FailedTry Incoming",
    "reconcile": "Comparison Drift FoundCheckpoint Page Picture Walk",
    "sandbox": "SandboxContact",
    "state": "Confirmation HandOver Lease LoadedRow RemoteRecord Settlement Sighting StatePart",
    "sync": "AccountPush Batch BatchItem ContactOwnership Push Pushed Resources",
    "webhooks": "Desk Notes Receiver _Request",
}
FIELDS = {
    "Parcel.payload",
    "SandboxSettings.accepted_keys",
    "UnsubscribeLinks.secrets",
}
# Records that change, and those without slots; all others are frozen and have them.
MUTABLE = {
    "backfill": "Checked ImportBatch Sheet Wave Weighed _Changes",
    "cli.commands": "Export Load Sent Stage",
    "monitoring": "Cause",
    "operate": "CauseBoard",
    "portal": "LocalPipeline MovedRows",
    "probe": "Bench Made Probe ProbeReport _Round",
    "providers.brevo": "Learnt",
    "reconcile": "Comparison FoundCheckpoint Picture RepairResult",
    "sandbox": "ApiCall ContactChange ContactList Fault LimitSettings Parcel Process Quirks Reply Request "
    "SandboxContact SandboxSettings Window",
    "state": "Settlement",
    "sync": "AccountPush Batch BatchItem Push",
    "webhooks": "Notes _Request",
}
WITHOUT_SLOTS = {
    "cli.commands": "Stage",
    "operate": "Doorkeeper Lane LoginBounds OperatePage",
    "portal": "Intake LocalPipeline UnsubscribePage",
    "providers.brevo": "Answer",
    "reconcile": "_Review",
    "sandbox": "LimitSettings Quirks SandboxSettings ServedSandbox",
}


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield every class of the package, with its room."""
    for path in PACKAGE.rglob("*.py"):
        room = ".".join(path.relative_to(PACKAGE).parts[:-1])
        yield from ((room, node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef))


def named(rooms: dict[str, str]) -> set[tuple[str, str]]:
    """Return each room with the name of each record in it."""
    return {(room, name) for room, names in rooms.items() for name in names.split()}


def is_hidden(call: ast.AST | None) -> bool:
    """Report whether a call says ``repr=False``."""
    return isinstance(call, ast.Call) and any(ast.unparse(one) == "repr=False" for one in call.keywords)


def test_a_record_of_a_person_a_caller_or_a_secret_shows_no_field() -> None:
    hidden = {(room, node.name) for room, node in classes() if any(map(is_hidden, node.decorator_list))}
    assert named(HIDDEN) - hidden == set()


def test_a_secret_among_other_fields_is_not_shown() -> None:
    fields = [(node.name, field) for _, node in classes() for field in node.body if isinstance(field, ast.AnnAssign)]
    assert {f"{name}.{ast.unparse(field.target)}" for name, field in fields if is_hidden(field.value)} >= FIELDS


@pytest.mark.parametrize(("word", "exceptions"), [("frozen=True", MUTABLE), ("slots=True", WITHOUT_SLOTS)])
def test_a_record_is_frozen_and_has_slots_unless_it_is_named_here(word: str, exceptions: dict[str, str]) -> None:
    records = (
        (room, node.name, ast.unparse(one))
        for room, node in classes()
        for one in node.decorator_list
        if ast.unparse(one).startswith("dataclass")
    )
    assert {(room, name) for room, name, said in records if word not in said} - named(exceptions) == set()
