"""What the configuration is where nobody says anything, and which numbers it takes: the least and the most."""

import math
from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel, ValidationError

from sync_tasks.config import settings
from sync_tasks.config.settings import (
    Files,
    Newsletter,
    Operate,
    Pipeline,
    Portal,
    Reconcile,
    Settings,
    load_settings,
)
from sync_tasks.errors import ConfigurationError

DEFAULTS: dict[type[BaseModel], dict[str, object]] = {
    settings.Account: {
        "base_url": "https://api.brevo.com/v3",
        "requests_per_second": 10,
        "requests_per_hour": 36_000,
        "api_key_name": "",
    },
    settings.Contacts: {"ext_id": "{user_id}", "former_ext_ids": []},
    settings.Anonymization: {"email": "deleted-{token}@deleted.example.com", "text": "DELETED"},
    Portal: {"suppressed_task": None, "notice_task": None, "suppressed_url": None, "suppressed_queue": "celery"},
    settings.UnsubscribeLink: {"attribute": None, "attributes": {}, "titles": {}, "template": None, "secrets": ()},
    Reconcile: {"max_changes": None},
    Files: {
        "encoding": "",
        "zone": "",
        "dates": "",
        "ignore_unknown_columns": False,
        "columns": {},
        "values": {},
        "newsletters": {},
    },
    Pipeline: {
        "lease_seconds": 25,
        "quiet_seconds": 150,
        "probe_seconds": 30,
        "grace_seconds": 15,
        "retries": 5,
        "defer_seconds": 60,
        "give_up_hours": 24,
        "audit_days": 1095,
        "consent_days": 1095,
        "clock_tolerance_seconds": 30,
    },
    Operate: {"passwords": None, "hours": 12, "idle_minutes": 60, "user_header": None, "act": (), "flower_url": None},
}


@pytest.mark.parametrize("table", DEFAULTS, ids=lambda table: table.__name__)
def test_what_is_not_configured_is_the_usual(table: type[BaseModel]) -> None:
    usual = table().model_dump()
    assert {name: value for name, value in usual.items() if name != "api_key"} == DEFAULTS[table]


def test_a_newsletter_is_neither_retired_nor_kept_by_hand_unless_said() -> None:
    usual = {"account": None, "unsubscribed_attribute": None, "was": (), "former_list_ids": ()}
    assert Newsletter(list_id=1).model_dump() == {"list_id": 1, "retired": False, "manual": False, **usual}


A_LITTLE = 0.001
# Each with the least that is good, or just above it, and the most.
NUMBERS: list[tuple[type[BaseModel], str, float, float, float]] = [
    (settings.Account, "requests_per_second", 0, A_LITTLE, 1_000_000),
    (settings.Account, "requests_per_hour", 0, 1, 1_000_000_000),
    (Newsletter, "list_id", 0, 1, 10**18 - 1),
    (Reconcile, "max_changes", -1, 0, math.inf),
    (Pipeline, "lease_seconds", 1 - A_LITTLE, 1, 86_400),
    (Pipeline, "quiet_seconds", -A_LITTLE, 0, 86_400),
    (Pipeline, "retries", -1, 0, 1_000),
    (Pipeline, "clock_tolerance_seconds", -A_LITTLE, 0, 300),
    (Operate, "hours", 0, A_LITTLE, 168),
    (Operate, "idle_minutes", 0, A_LITTLE, 10_080),
    *((Pipeline, name, 0, A_LITTLE, 86_400) for name in ("probe_seconds", "grace_seconds", "defer_seconds")),
    (Pipeline, "give_up_hours", 0, A_LITTLE, 8_760),
    *((Pipeline, name, 0, A_LITTLE, 36_525) for name in ("audit_days", "consent_days")),
]
WHOLE = {"requests_per_hour", "list_id", "max_changes", "retries"}


@pytest.mark.parametrize(("table", "name", "low", "least", "most"), NUMBERS)
def test_a_number_is_taken_from_the_least_to_the_most(
    table: type[BaseModel], name: str, low: float, least: float, most: float
) -> None:
    good = (least, most) if most < math.inf else (least, 1_000_000)
    assert [getattr(table(**{name: number}), name) for number in good] == [*good]
    above = most + (1 if name in WHOLE else A_LITTLE)
    for bad in (low, *((above,) if most < math.inf else ())):
        with pytest.raises(ValidationError):
            table(**{name: bad})


@pytest.mark.parametrize(("table", "name"), [(settings.Anonymization, "text"), (Portal, "suppressed_queue")])
def test_a_name_must_not_be_empty(table: type[BaseModel], name: str) -> None:
    assert getattr(table(**{name: "x"}), name) == "x"
    with pytest.raises(ValidationError):
        table(**{name: ""})


@pytest.mark.parametrize(
    ("given", "kept"),
    [(3, "3"), ("3", "3"), ("other:3", "other:3"), (True, None), (3.0, None), (0, None), ("a:b", None)],
)
def test_a_former_list_is_a_number_or_one_of_another_account(given: object, kept: str | None) -> None:
    if kept is not None:
        assert Newsletter(list_id=1, former_list_ids=(cast("str", given),)).former_list_ids == (kept,)
        return
    with pytest.raises(ValidationError, match="must be a list, as 3"):
        Newsletter(list_id=1, former_list_ids=(cast("str", given),))


@pytest.mark.parametrize(
    ("table", "hears"),
    [
        (Portal(), False),
        (Portal(suppressed_task="t"), False),
        (Portal(notice_task="t"), True),
        (Portal(suppressed_url="https://portal.example/heard"), True),
    ],
)
def test_the_portal_hears_all_by_a_task_of_notices_or_a_url(table: Portal, *, hears: bool) -> None:
    assert table.hears_all is hears


def test_each_account_has_the_links_of_its_own_newsletters() -> None:
    loaded = Settings.model_validate(
        {
            "accounts": {"one": {}, "two": {}},
            "newsletters": {"daily": {"list_id": 3, "account": "one"}, "weekly": {"list_id": 3, "account": "two"}},
            "unsubscribe": {"attribute": "ALL", "attributes": {"daily": "DAILY", "weekly": "WEEKLY"}},
        }
    )
    assert loaded.link_attributes("one") == {"ALL": "", "DAILY": "daily"}
    assert loaded.link_attributes("two") == {"ALL": "", "WEEKLY": "weekly"}
    assert Settings.model_validate({"newsletters": {"daily": {"list_id": 3}}}).link_attributes("default") == {}


def test_clocks_differ_in_microseconds() -> None:
    assert Pipeline(clock_tolerance_seconds=1.5).clock_tolerance == 1_500_000


NO_WHOLE, NO_NUMBER = "Input should be a valid integer", "Input should be a valid number"


@pytest.mark.parametrize(
    ("table", "key", "given", "fault"),
    [
        ("newsletters.daily", "list_id", "true", NO_WHOLE),
        ("newsletters.daily", "list_id", '"3"', NO_WHOLE),
        ("newsletters.daily", "list_id", "3.0", NO_WHOLE),
        ("newsletters.daily", "list_id", "9" * 30, f"Input should be less than or equal to {'9' * 18}"),
        ("accounts.default", "requests_per_second", "true", NO_NUMBER),
        ("accounts.default", "requests_per_second", "inf", "Input should be less than or equal to 1000000"),
        ("accounts.default", "requests_per_hour", "9" * 40, "Input should be less than or equal to 1000000000"),
        ("pipeline", "lease_seconds", "inf", "Input should be less than or equal to 86400"),
        ("pipeline", "quiet_seconds", "1e300", "Input should be less than or equal to 86400"),
        ("pipeline", "probe_seconds", "true", NO_NUMBER),
        ("pipeline", "grace_seconds", '"5"', NO_NUMBER),
        ("pipeline", "defer_seconds", "nan", "Input should be less than or equal to 86400"),
        ("pipeline", "retries", "true", NO_WHOLE),
        ("pipeline", "retries", "1001", "Input should be less than or equal to 1000"),
        ("pipeline", "give_up_hours", "inf", "Input should be less than or equal to 8760"),
        ("pipeline", "audit_days", "inf", "Input should be less than or equal to 36525"),
        ("pipeline", "consent_days", "1e300", "Input should be less than or equal to 36525"),
        ("pipeline", "clock_tolerance_seconds", '"5"', NO_NUMBER),
        ("reconcile", "max_changes", "true", NO_WHOLE),
        ("operate", "hours", "true", NO_NUMBER),
        ("newsletters.daily", "retired", '"true"', "Input should be a valid boolean"),
        ("newsletters.daily", "manual", "1", "Input should be a valid boolean"),
        ("files", "ignore_unknown_columns", '"no"', "Input should be a valid boolean"),
    ],
)
def test_a_number_is_a_number_and_one_that_can_be_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, key: str, *, given: str, fault: str
) -> None:
    """A list that is ``true`` would be list 1."""
    said = {"newsletters.daily": {"list_id": "3"}}
    said.setdefault(table, {})[key] = given
    lines = (f"[{name}]\n" + "".join(f"{one} = {what}\n" for one, what in keys.items()) for name, keys in said.items())
    path = tmp_path / "conf.toml"
    path.write_text("".join(lines))
    monkeypatch.setenv("SYNC_CONFIG", str(path))
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"SYNC_API_KEY": "key"})
    assert str(caught.value) == f"{path}: {table}.{key}: {fault}"
