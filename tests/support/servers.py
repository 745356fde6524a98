"""Servers and users that lack something."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import Redis

from sync_tasks.local.redis_server import free_port

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


def certify(folder: Path) -> tuple[dict[str, str], str]:
    """Return the settings of a server whose certificate a CA of our own signed, and its URL."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    port = free_port()
    ca, key, request, certificate, names = (
        folder / name for name in ("ca.pem", "key.pem", "csr.pem", "crt.pem", "ext")
    )
    # CPython 3.13 asks for what RFC 5280 does.
    of_a_server = ("subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid", "keyUsage=critical,digitalSignature")
    names.write_text("\n".join(("subjectAltName=DNS:localhost,IP:127.0.0.1", *of_a_server)))
    of_a_ca = ("-addext", "keyUsage=critical,keyCertSign")
    new: list[str | Path] = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    sign: list[str | Path] = [
        "openssl",
        "x509",
        "-req",
        "-in",
        request,
        "-CA",
        ca,
        "-CAkey",
        folder / "ca.key",
        "-CAcreateserial",
    ]
    for command in (
        [*new, "-x509", "-days", "2", "-keyout", folder / "ca.key", "-out", ca, "-subj", "/CN=our own CA", *of_a_ca],
        [*new, "-keyout", key, "-out", request, "-subj", "/CN=localhost"],
        [*sign, "-days", "2", "-extfile", names, "-out", certificate],
    ):
        subprocess.run(command, check=True, capture_output=True)
    files = {"tls-cert-file": str(certificate), "tls-key-file": str(key), "tls-auth-clients": "no"}
    return {"tls-port": str(port), **files}, f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={ca}"
