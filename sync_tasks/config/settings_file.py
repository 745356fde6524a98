"""The TOML file of the configuration with the keys and secrets of the environment on top, not yet checked."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sync_tasks.config.environment import read_plain, read_variable
from sync_tasks.config.faults import variable_of
from sync_tasks.config.secrets import UNSUBSCRIBE_SECRET, read_secrets
from sync_tasks.errors import ConfigurationError
from sync_tasks.texts import escaped


def read_settings(path: Path, base_url: str | None, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what the file and the environment say; ``base_url`` is that of the account ``default``.

    Raises:
        ConfigurationError: the file cannot be read, or holds a key or a secret.
    """
    given = _read(path)
    _add_secrets(given, path, environment)
    accounts = given["accounts"] = given.get("accounts") or {"default": {}}
    # What is no table is refused along with all else.
    if isinstance(accounts, dict) and all(isinstance(account, dict) for account in accounts.values()):
        if base_url and "default" in accounts:
            accounts["default"]["base_url"] = base_url
        _add_keys(accounts, path, environment)
    return given


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_plain(path))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file; name the configuration with SYNC_CONFIG") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8: save it as UTF-8") from None
    except (ValueError, RecursionError) as error:
        reason = "a number is too long" if isinstance(error, ValueError) else "nested too deeply"
        raise ConfigurationError(f"{path}: not TOML: {reason}") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None


def _add_secrets(given: dict[str, Any], path: Path, environment: Mapping[str, str]) -> None:
    links = given.setdefault("unsubscribe", {})
    if not isinstance(links, dict):
        return
    if "secrets" in links:
        raise ConfigurationError(f"{path}: unsubscribe: a secret does not belong in the file; use {UNSUBSCRIBE_SECRET}")
    links["secrets"] = read_secrets(UNSUBSCRIBE_SECRET, environment)


def _add_keys(accounts: dict[str, dict[str, Any]], path: Path, environment: Mapping[str, str]) -> None:
    for name, account in accounts.items():
        if "api_key" in account:
            raise ConfigurationError(
                f"{path}: accounts.{escaped(name)}: a key does not belong in the file; use {escaped(variable_of(name))}"
            )
        account["api_key"] = read_variable(variable_of(name), environment)[1]
