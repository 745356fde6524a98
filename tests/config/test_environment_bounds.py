"""What variables may just say and just not say, and what becomes of names that are nearly ours."""

from pathlib import Path

import pytest

from sync_tasks.config import environment
from sync_tasks.errors import ConfigurationError


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"SYNC_REDIS_URI": "x"}, [("SYNC_REDIS_URI", "SYNC_REDIS_URL")]),
        ({"SYNC_ZZZZZZZZZZ": "x"}, [("SYNC_ZZZZZZZZZZ", "")]),
        (
            {"SYNC_NIGHTLI_AT": "x", "SYNC_CONFIC": "y"},
            [("SYNC_CONFIC", "SYNC_CONFIG"), ("SYNC_NIGHTLI_AT", "SYNC_NIGHTLY_AT")],
        ),
        ({"SYNC_REDIS_URI": ""}, []),
        ({"SYNC_REDIS_URL": "x"}, []),
        ({"SYNC_API_KEY_NEWS": "x"}, []),
        ({"MY_SYNC_REDIS_URI": "x"}, []),
        ({}, []),
    ],
)
def test_a_name_that_only_looks_like_ours_is_found_with_the_one_it_resembles(
    given: dict[str, str], found: list[tuple[str, str]]
) -> None:
    assert list(environment.find_unknown(given)) == found


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("", 30_000_000),
        ("[pipeline]\nclock_tolerance_seconds = 2\n", 2_000_000),
        ("[pipeline]\nclock_tolerance_seconds = 0\n", 0),
        ("[pipeline]\nclock_tolerance_seconds = 1.5\n", 1_500_000),
        ('[pipeline]\nclock_tolerance_seconds = "2"\n', 30_000_000),
        ("pipeline = 3\n", 30_000_000),
        (None, 30_000_000),
    ],
)
def test_clocks_may_differ_by_half_a_minute_unless_the_configuration_at_hand_says_otherwise(
    tmp_path: Path, text: str | None, microseconds: int
) -> None:
    path = tmp_path / "conf.toml"
    if text is not None:
        path.write_text(text)
    assert environment.tolerance_at_hand({"SYNC_CONFIG": str(path)}) == microseconds


def test_a_configuration_that_is_not_named_is_looked_for_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sync_tasks.toml").write_text('\ufeff[attributes]\ncity = "CITY"\n')
    assert environment.read_at_hand({}).fields == frozenset({"city"})


@pytest.mark.parametrize(
    ("text", "slugs", "retired"),
    [
        ("[newsletters.daily]\nwas = ['early', 3]\n", {"daily", "early"}, set()),
        ("[newsletters]\ndaily = 3\n[newsletters.weekly]\nretired = true\n", {"daily", "weekly"}, {"weekly"}),
        ("[newsletters.daily]\nretired = 'yes'\n", {"daily"}, set()),
        ("newsletters = 3\n", None, set()),
        ("", None, set()),
    ],
)
def test_the_portal_knows_every_slug_where_the_configuration_is_at_hand(
    tmp_path: Path, text: str, slugs: set[str] | None, retired: set[str]
) -> None:
    path = tmp_path / "conf.toml"
    path.write_text(text)
    at_hand = environment.read_at_hand({"SYNC_CONFIG": str(path)})
    assert at_hand.newsletters == (None if slugs is None else frozenset(slugs))
    assert at_hand.retired == frozenset(retired)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", None),
        (" ", None),
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        (" [::1]:0 ", ("::1", 0)),
        ("0.0.0.0:65535", ("0.0.0.0", 65535)),  # noqa: S104 - read, not bound
    ],
)
def test_metrics_are_served_where_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, text: str, address: tuple[str, int] | None
) -> None:
    monkeypatch.setenv("SYNC_METRICS_ADDRESS", text)
    assert environment.metrics_address() == address


@pytest.mark.parametrize("text", ["9464", ":9464", "localhost:", "localhost:65536", "localhost:-1"])
def test_an_address_where_nobody_can_listen_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SYNC_METRICS_ADDRESS", text)
    with pytest.raises(ConfigurationError, match=r"^SYNC_METRICS_ADDRESS: an address and a port"):
        environment.metrics_address()


@pytest.mark.parametrize(
    ("text", "night"),
    [
        ("", (2, 20)),
        ("00:00", (0, 0)),
        ("23:59", (23, 59)),
        ("24:00", None),
        ("2:20", None),
        ("2a:20", None),
        ("02:60", None),
    ],
)
def test_a_night_begins_at_a_time_of_day(
    monkeypatch: pytest.MonkeyPatch, text: str, night: tuple[int, int] | None
) -> None:
    monkeypatch.setenv("SYNC_NIGHTLY_AT", text)
    if night:
        assert environment.nightly_at() == night
        return
    with pytest.raises(ConfigurationError, match=r"^SYNC_NIGHTLY_AT: a time of day"):
        environment.nightly_at()


@pytest.mark.parametrize(("text", "number"), [("", 0), (" 3 ", 3), ("9", 9), ("10", None), ("-1", None)])
def test_an_event_waits_for_up_to_nine_replicas(monkeypatch: pytest.MonkeyPatch, text: str, number: int | None) -> None:
    monkeypatch.setenv("SYNC_REPLICAS", text)
    if number is not None:
        assert environment.replicas() == number
        return
    with pytest.raises(ConfigurationError, match=r"^SYNC_REPLICAS: .*0 to 9"):
        environment.replicas()


def test_a_file_that_is_empty_is_named_by_its_variable_unless_the_value_itself_is_set(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    given = {"SYNC_REDIS_URL_FILE": str(tmp_path / "empty")}
    with pytest.raises(ConfigurationError, match=r"^SYNC_REDIS_URL_FILE: the file it names is empty$"):
        environment.read_variable("SYNC_REDIS_URL", given)
    assert environment.read_variable("SYNC_REDIS_URL", given | {"SYNC_REDIS_URL": " x "}) == ("SYNC_REDIS_URL", "x")
    assert environment.read_variable("SYNC_REDIS_URL", {}) == ("SYNC_REDIS_URL", "")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ModuleNotFoundError("x", name="sqlalchemy.exc"),
            "sqlalchemy is not installed: pip install 'sync-tasks[outbox]'",
        ),
        (ModuleNotFoundError("x", name="sync_tasks.gone"), None),
        (ModuleNotFoundError("x"), None),
    ],
)
def test_what_an_extra_brings_is_named_if_it_is_missing(error: ModuleNotFoundError, said: str | None) -> None:
    expected = ConfigurationError if said else ModuleNotFoundError
    with pytest.raises(expected) as caught, environment.needing("outbox"):
        raise error
    assert said is None or str(caught.value) == said
