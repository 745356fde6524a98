"""What ``demo``, ``up`` and ``sandbox`` stand on: a configuration, an environment of their own, a fitting sandbox."""

import os
import socket
from pathlib import Path

import pytest

from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError
from sync_tasks.local import setup
from sync_tasks.local.processes import Parts

CONFIGURATION = """
[newsletters.daily]
list_id = 3
unsubscribed_attribute = "DAILY_OFF"
[newsletters.weekly]
list_id = 5
[attributes]
first_name = "FIRSTNAME"
phone = "SMS"
city = "CITY"
"""


pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.mark.parametrize(
    ("named", "at_hand", "taken"),
    [(None, False, str(setup.example("sync_tasks.toml"))), (None, True, None), ("mine.toml", False, "mine.toml")],
)
def test_the_example_is_the_configuration_if_there_is_no_other(
    named: str | None, taken: str | None, *, at_hand: bool
) -> None:
    if named:
        os.environ["SYNC_CONFIG"] = named
    if at_hand:
        Path("sync_tasks.toml").touch()
    setup.take_example_configuration()
    assert os.environ.get("SYNC_CONFIG") == taken


def test_settings_of_this_machine_are_forgotten_and_no_other_variable() -> None:
    ours = {"SYNC_API_KEY": "a", "CELERY_BROKER_URL": "b", "FLOWER_PORT": "c"}
    os.environ.update(ours | {"MY_SYNC_API_KEY": "d"})
    setup.forget_settings()
    assert not ours.keys() & os.environ.keys()
    assert os.environ["MY_SYNC_API_KEY"] == "d"


def load() -> Settings:
    Path("sync_tasks.toml").write_text(CONFIGURATION)
    return setup.load_without_keys()


def test_every_account_has_a_key_although_none_is_set() -> None:
    key = load().accounts["default"].api_key
    assert key.get_secret_value() == setup.ANY_KEY == "any-key-will-do"


def test_links_to_unsubscribe_are_signed_although_no_secret_is_set() -> None:
    Path("sync_tasks.toml").write_text(CONFIGURATION + '[unsubscribe]\nattribute = "LINK"\n')
    loaded = setup.load_without_keys()
    assert loaded.unsubscribe.signing_secrets == (setup.ANY_SECRET,)
    assert "LINK" in setup.model_brevo(loaded).attributes


@pytest.mark.parametrize(("without", "lists"), [("", {3: "daily", 5: "weekly"}), ("weekly", {3: "daily"})])
def test_the_sandbox_has_the_lists_and_attributes_of_the_configuration(without: str, lists: dict[int, str]) -> None:
    modelled = setup.model_brevo(load(), without=without)
    assert (modelled.lists, modelled.import_seconds) == (lists, 1.0)
    assert modelled.attributes == {"CITY": "text", "FIRSTNAME": "text", "DAILY_OFF": "boolean"}


def test_a_port_that_is_taken_is_named_and_a_free_one_is_served() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = rf"^port {port}: .+; choose another$"
        with pytest.raises(ConfigurationError, match=said), setup.serve(setup.model_brevo(load()), port):
            pass
    with setup.serve(setup.model_brevo(load()), 0) as served:
        socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2].partition("/")[0]))).close()


def test_what_is_announced_is_in_the_environment() -> None:
    assert setup.announce({"SYNC_BASE_URL": "http://x"}) == {"SYNC_BASE_URL": "http://x"}
    assert os.environ["SYNC_BASE_URL"] == "http://x"


@pytest.mark.parametrize(("level", "ready"), [("INFO", " ready."), ("WARNING", None)])
def test_so_many_workers_are_started_and_beat(monkeypatch: pytest.MonkeyPatch, level: str, ready: str | None) -> None:
    started = list[tuple[object, ...]]()
    monkeypatch.setattr(Parts, "start", lambda _self, *words, ready=None: started.append((*words, ready)))
    os.environ["SYNC_LOG_LEVEL"] = level
    with Parts({}, lambda *_: None, patience=0) as parts:
        setup.start_workers(parts, 2)
    assert started == [
        ("worker-1", "--quiet", "worker", "-n", "worker-1@%h", ready),
        ("worker-2", "--quiet", "worker", "-n", "worker-2@%h", ready),
        ("beat", "--quiet", "beat", None),
    ]
