"""Examples of each command, as its help shows them."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("demo",),
    "up": ("up", "up --workers 2 --data ./redis"),
    "sandbox": ("sandbox", "sandbox --port 8025"),
    "send": ("send events.jsonl", "generate-events | sync-tasks send -"),
    "backfill": ("backfill portal.csv --dry-run", "backfill portal.csv"),
    "reconcile": ("reconcile --dry-run", "reconcile --newsletter daily", "reconcile --max-changes 500"),
    "status": ("status", "status --watch", "status --json | jq .troubles"),
    "health": ("health worker", "health beat --json"),
    "contact": ("contact 4711", "contact --address -"),
    "unsubscribe": ("unsubscribe 4711 daily", "unsubscribe 4711 --all"),
    "erase": ("erase 4711",),
    "doctor": ("doctor", "doctor --probe"),
    "schema": ("schema", "schema subscribe_contact"),
    "failed list": (
        "failed list --group",
        "failed list --error RejectedNumberError",
        "failed list --json | jq '.items | length'",
    ),
    "failed show": ("failed show 3f2a",),
    "failed replay": ("failed replay 3f2a --wait 30", "failed replay --error UnknownNewsletterError --dry-run"),
    "failed discard": ("failed discard 3f2a", "failed discard --older-than 30d --dry-run"),
    "suppressed list": ("suppressed list", "suppressed list --json"),
    "state show": ("state show",),
    "state hold": ("state hold --reason 'restored from a backup'",),
    "state accept": ("state accept --trust brevo", "state accept --trust state"),
    "account list": ("account list",),
    "account accept": ("account accept default",),
    "account forget": ("account forget sports",),
    "outbox create": ("outbox create --database postgresql://portal@db.internal/portal",),
    "outbox relay": ("outbox relay", "outbox relay --until-empty"),
    "outbox failed": ("outbox failed", "outbox failed --json"),
    "outbox retry": ("outbox retry 17 18", "outbox retry --all"),
    "outbox discard": ("outbox discard 17",),
    "operate password": ("operate password anna --act", "operate password ben --file /etc/sync-tasks/operators"),
    "operate remove": ("operate remove ben",),
    "secret new": ("secret new state-secret",),
    "secret use": ("secret use",),
    "serve": ("serve", "serve --host 0.0.0.0 --port 8026"),
    "audit": ("audit", "audit --json"),
    "person report": ("person report 4711 --html report.html",),
    "person erasure": ("person erasure 4711",),
    "webhooks serve": ("webhooks serve", "webhooks serve --host 0.0.0.0 --port 8026"),
    "webhooks install": ("webhooks install --url https://hooks.portal.example",),
}


def epilog_of(command: str) -> str | None:
    """Return what stands below the help of a command, in Markdown; nothing if no example is known."""
    examples = EXAMPLES.get(command)
    if not examples:
        return None
    lines = (one if " | sync-tasks " in one else f"sync-tasks {one}" for one in examples)
    return "Examples:\n\n" + "\n\n".join(f"`{line}`" for line in lines)
