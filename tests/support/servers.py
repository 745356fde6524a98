"""Servers and users that lack something."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "limited", "a-password"


@contextmanager
def granting(admin: Redis) -> Iterator[Callable[..., Redis]]:
    """Yield what gives a client of a user with all rights, changed by rules of Redis' ACL."""
    with ExitStack() as stack:

        def grant(*rules: str) -> Redis:
            everything = ("reset", "on", f">{PASSWORD}", "~*", "&*", "+@all")
            admin.execute_command("ACL", "SETUSER", USER, *everything, *rules)  # type: ignore[no-untyped-call]
            port = admin.get_connection_kwargs()["port"]
            client = Redis(port=port, username=USER, password=PASSWORD)
            stack.callback(client.close)
            return client

        yield grant
        admin.execute_command("ACL", "DELUSER", USER)  # type: ignore[no-untyped-call]


def read_least_rights() -> list[str]:
    """Return the name and the rules of the user in ``docker/users.conf``."""
    lines = (ROOT / "docker" / "users.conf").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("user ")]
    return line.split()[1:]
