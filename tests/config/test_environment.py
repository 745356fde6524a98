"""All that the portal's side must know comes from the environment; a secret may come from a file."""

import os
from pathlib import Path

import pytest

from sync_tasks.config import environment
from sync_tasks.errors import ConfigurationError

VARIABLES = ("SYNC_REDIS_URL", "SYNC_BROKER_URL", "SYNC_NAMESPACE", "SYNC_NIGHTLY_AT")
SECRET = "redis://:Marked-Secret@redis.example:6379/1"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def test_without_a_word_it_is_the_redis_of_this_machine() -> None:
    reported = (environment.redis_url(), environment.broker_url(), environment.namespace())
    assert reported == ("redis://localhost:6379/0", "redis://localhost:6379/0", "sync_tasks")


def test_the_queue_is_on_the_same_redis_unless_asked_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_REDIS_URL", SECRET)
    assert environment.broker_url() == SECRET
    monkeypatch.setenv("SYNC_BROKER_URL", "amqp://broker.example")
    assert (environment.redis_url(), environment.broker_url()) == (SECRET, "amqp://broker.example")


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    assert (environment.broker_url(), environment.namespace()) == (environment.DEFAULT_REDIS_URL, "sync_tasks")


def test_several_portals_share_a_redis_by_their_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_NAMESPACE", "shop")
    assert environment.namespace() == "shop"


def test_a_url_with_a_password_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text(f"{SECRET}\n")
    monkeypatch.setenv("SYNC_REDIS_URL_FILE", str(tmp_path / "url"))
    assert environment.redis_url() == SECRET
    monkeypatch.setenv("SYNC_REDIS_URL", "redis://other.example")
    assert environment.redis_url() == "redis://other.example"


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file or directory"), (b"\xff", "not UTF-8")])
def test_a_secret_file_that_cannot_be_read_is_reported_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "url").write_bytes(content)
    monkeypatch.setenv("SYNC_REDIS_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(ConfigurationError) as caught:
        environment.redis_url()
    assert str(caught.value) == f"SYNC_REDIS_URL_FILE: cannot read the file it names: {reason}"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ('[attributes]\ncity = "CITY"\nage = "AGE"\n', {"city", "age"}),
        ("[attributes]\n", set()),
        ("[newsletters.daily]\nlist_id = 3\n", None),
        ("attributes = 3\n", None),
        ("[attributes", None),
        (None, None),
    ],
)
def test_the_portal_knows_the_mapped_fields_only_where_the_configuration_is_at_hand(
    tmp_path: Path, text: str | None, fields: set[str] | None
) -> None:
    path = tmp_path / "conf.toml"
    if text is not None:
        path.write_text(text)
    assert environment.read_at_hand({"SYNC_CONFIG": str(path)}).fields == fields


@pytest.mark.parametrize(
    ("given", "tolerance"),
    [
        ("5", 5),
        ("0.5", 0.5),
        ("300", 300),
        ("nan", 30),
        ("inf", 30),
        ("1e300", 30),
        ("-1", 30),
        ("true", 30),
        ('"5"', 30),
    ],
)
def test_a_tolerance_that_makes_no_sense_is_none_to_the_portal(tmp_path: Path, given: str, tolerance: float) -> None:
    path = tmp_path / "conf.toml"
    path.write_text(f"[pipeline]\nclock_tolerance_seconds = {given}\n")
    assert environment.tolerance_at_hand({"SYNC_CONFIG": str(path)}) == tolerance * 1_000_000


@pytest.mark.parametrize(
    "text", [f"x = {'[' * 5_000}{']' * 5_000}\n", f"x = {'9' * 5_000}\n"], ids=["nested", "digits"]
)
def test_a_configuration_that_cannot_be_read_is_not_at_hand(tmp_path: Path, text: str) -> None:
    path = tmp_path / "conf.toml"
    path.write_text(text)
    assert environment.read_at_hand({"SYNC_CONFIG": str(path)}).fields is None


def test_a_pipe_at_the_place_of_the_configuration_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert environment.read_at_hand({"SYNC_CONFIG": str(tmp_path / "pipe")}).fields is None


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ("[newsletters.daily]\nretired = true\nwas = 'early'\n", {"daily", "early"}),
        ("[newsletters.daily]\nretired = true\nwas = ['early', 'late']\n", {"daily", "early", "late"}),
        ("[newsletters.daily]\nretired = false\n[newsletters.weekly]\nlist_id = 3\n", set()),
        ("newsletters = 3\n", set()),
        (None, set()),
    ],
)
def test_the_portal_knows_what_is_retired_where_the_configuration_is_at_hand(
    tmp_path: Path, text: str | None, slugs: set[str]
) -> None:
    path = tmp_path / "conf.toml"
    if text is not None:
        path.write_text(text)
    assert environment.read_at_hand({"SYNC_CONFIG": str(path)}).retired == slugs


def test_the_night_is_when_the_operator_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.nightly_at() == (2, 20)
    monkeypatch.setenv("SYNC_NIGHTLY_AT", "23:05")
    assert environment.nightly_at() == (23, 5)


def test_what_is_no_time_of_day_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_NIGHTLY_AT", "25:00")
    with pytest.raises(ConfigurationError, match="SYNC_NIGHTLY_AT"):
        environment.nightly_at()


def test_an_event_waits_for_replicas_only_if_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNC_REPLICAS", raising=False)
    assert environment.replicas() == 0
    monkeypatch.setenv("SYNC_REPLICAS", "2")
    assert environment.replicas() == 2
    monkeypatch.setenv("SYNC_REPLICAS", "many")
    with pytest.raises(ConfigurationError, match="SYNC_REPLICAS"):
        environment.replicas()


@pytest.mark.parametrize("url", ["https://sync.example/operate?a=1&b=2", " http://127.0.0.1:8027/operate ", ""])
def test_flower_links_to_a_page(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SYNC_OPERATE_URL", url)
    assert environment.operate_url() == url.strip()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "sync.example", 'https://a"b', "https://a/{{ 7 * 7 }}"])
def test_what_is_no_url_of_a_page_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SYNC_OPERATE_URL", url)
    with pytest.raises(ConfigurationError, match="SYNC_OPERATE_URL"):
        environment.operate_url()


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://one,two",
        "sentinel://:Marked@one/main/0?db=3",
        "redis://:Marked@h/main",
        "redis://:Marked@h/0;redis://:Marked@h/main",
        "amqp://:Marked@h:0//",
        "amqp://:Marked@h//;amqp://:Marked@h:99999//",
        "Marked",
    ],
)
def test_what_is_no_url_of_a_broker_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SYNC_BROKER_URL", url)
    with pytest.raises(ConfigurationError, match=r"^SYNC_BROKER_URL: ") as caught:
        environment.broker_url()
    assert "Marked" not in str(caught.value)


@pytest.mark.parametrize("url", ["sentinel://one,two/main/0", "redis://h/0;redis://i/0", "amqp://h//;amqp://i//"])
def test_a_broker_may_be_several_servers(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SYNC_BROKER_URL", url)
    assert environment.broker_url() == url


@pytest.mark.parametrize(
    ("secrets", "good"),
    [
        ((), True),
        ((environment.SHORTEST_SECRET,), True),
        ((environment.SHORTEST_SECRET,) * environment.MOST_SECRETS, True),
        ((environment.SHORTEST_SECRET,) * (environment.MOST_SECRETS + 1), False),
        ((environment.SHORTEST_SECRET - 1,), False),
        ((environment.SHORTEST_SECRET, 5), False),
    ],
)
def test_secrets_of_hashes_are_long_and_few(
    monkeypatch: pytest.MonkeyPatch, secrets: tuple[int, ...], *, good: bool
) -> None:
    texts = tuple("x" * length for length in secrets)
    monkeypatch.setenv("SYNC_STATE_SECRET", " ".join(texts))
    if good:
        assert environment.state_secrets() == texts
        return
    with pytest.raises(ConfigurationError, match=r"^SYNC_STATE_SECRET: up to") as caught:
        environment.state_secrets()
    assert "xx" not in str(caught.value)


@pytest.mark.parametrize("name", ["shop", "shop:eu-1.test_2", "9", "a" * 64])
def test_a_namespace_that_keys_and_queues_can_have_is_taken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SYNC_NAMESPACE", name)
    assert environment.namespace() == name


@pytest.mark.parametrize("name", [" ", "two words", "shop*", "{shop}", ":shop", "-shop", "über", "a" * 65, "shop\n"])
def test_a_namespace_that_keys_and_queues_cannot_have_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SYNC_NAMESPACE", name)
    with pytest.raises(ConfigurationError, match=r"^SYNC_NAMESPACE: at most 64"):
        environment.namespace()
