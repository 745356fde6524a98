"""What ``demo``, ``up`` and ``sandbox`` run on: samples, environments, a sandbox that fits the configuration."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sync_tasks.errors import ConfigurationError

if TYPE_CHECKING:
    from sync_tasks.config.settings import Settings
    from sync_tasks.local.processes import Parts
    from sync_tasks.sandbox import SandboxSettings
    from sync_tasks.sandbox.server import ServedSandbox

ANY_KEY = "any-key-will-do"
# Signs nothing that reaches anybody.
ANY_SECRET = ANY_KEY * 3
_OURS = ("SYNC_", "CELERY_", "FLOWER_")


def example(name: str) -> Path:
    """Return where one of the package's sample files is."""
    return Path(str(files("sync_tasks") / "examples" / name))


def take_example_configuration() -> None:
    """If no configuration is named or at hand, take that of the examples, here and in processes started later."""
    if "SYNC_CONFIG" not in os.environ and not Path("sync_tasks.toml").exists():
        os.environ["SYNC_CONFIG"] = str(example("sync_tasks.toml"))


def forget_settings() -> None:
    """Take every setting of ours out of this process' environment: nothing that really exists shall be touched."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]


class _AnyKey(dict[str, str]):
    """An environment in which every account has a key, and links a secret: who calls nobody needs none."""

    def get(self, name: str, default: object = None) -> str:
        """Return a key or a secret, and nothing for the file it might be in."""
        return "" if name.endswith("_FILE") else str(default or (ANY_KEY if "KEY" in name else ANY_SECRET))


def load_without_keys() -> "Settings":
    """Return the configuration; whatever its accounts, they have a key.

    Raises:
        ConfigurationError: with one argument for each fault.
    """
    from sync_tasks.config.settings import load_settings

    return load_settings(_AnyKey())


def model_brevo(settings: "Settings", *, without: str = "") -> "SandboxSettings":
    """Return a sandbox that has the lists and attributes of the configuration, but for one newsletter's list."""
    from sync_tasks.sandbox import SandboxSettings

    texts = {*settings.attributes.values()} - {"SMS"} | {*settings.link_attributes("default")}
    own = (attribute for known in settings.newsletters.values() for attribute in known.attribute_kinds.items())
    return SandboxSettings(
        lists={known.list_id: slug for slug, known in settings.newsletters.items() if slug != without},
        attributes=dict.fromkeys(sorted(texts), "text") | dict(sorted(own)),
        # Nobody who tries the pipeline on one machine waits a minute for an import.
        import_seconds=1.0,
    )


@contextmanager
def serve(settings: "SandboxSettings", port: int) -> "Iterator[ServedSandbox]":
    """Serve a sandbox in this process while the block runs.

    Raises:
        ConfigurationError: the port is taken.
    """
    from sync_tasks.sandbox.server import serving

    with ExitStack() as stack:
        try:
            served = stack.enter_context(serving(settings, port=port))
        except OSError as error:
            raise ConfigurationError(f"port {port}: {error.strerror}; choose another") from None
        yield served


def announce(variables: dict[str, str]) -> dict[str, str]:
    """Show this process, and those it starts, where the parts are; return the same."""
    os.environ.update(variables)
    return variables


def words_if_heard(words: str) -> str | None:
    """Return what a part says once it is ready; nothing if its log level keeps it from saying so."""
    from sync_tasks.log import log_level

    return words if log_level() <= logging.INFO else None


def start_workers(parts: "Parts", number: int) -> None:
    """Start so many workers, and beat."""
    for which in range(1, number + 1):
        name = f"worker-{which}"
        parts.start(name, "--quiet", "worker", "-n", f"{name}@%h", ready=words_if_heard(" ready."))
    parts.start("beat", "--quiet", "beat")
