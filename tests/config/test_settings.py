"""The configuration is checked as a whole: every fault is one line, and no line shows a secret."""

import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import pytest

from sync_tasks.config import environment
from sync_tasks.config.base_url import BREVO_URL
from sync_tasks.config.faults import PATTERNS, variable_of
from sync_tasks.config.settings import Settings, key_variables, load_settings
from sync_tasks.errors import ConfigurationError

KEY = "xkeysib-Marked-Secret"
MINIMAL = "[newsletters.daily]\nlist_id = 3\n"
TWO_ACCOUNTS = "[accounts.news]\n[accounts.big-sports]\n"
Load = Callable[..., Settings]
Faults = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a configuration file with this text; the worker_environment holds a key unless asked otherwise."""

    def load(text: str, **worker_environment: str) -> Settings:
        path = tmp_path / "conf.toml"
        path.write_text(text)
        monkeypatch.setenv("SYNC_CONFIG", str(path))
        return load_settings(worker_environment or {"SYNC_API_KEY": KEY})

    return load


@pytest.fixture
def faults(load: Load) -> Faults:
    """Return the lines that a broken configuration is refused with, without the name of the file."""

    def faults(text: str, **worker_environment: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            load(text, **worker_environment)
        lines = str(caught.value).splitlines()
        assert len(lines) == len(caught.value.args)
        assert KEY not in repr(caught.value)
        assert caught.value.__cause__ is None
        return [line.split("conf.toml: ", 1)[-1] for line in lines]

    return faults


def test_one_newsletter_and_a_key_are_enough(load: Load) -> None:
    settings = load(MINIMAL)
    assert list(settings.accounts) == ["default"]
    account = settings.accounts["default"]
    assert (account.base_url, account.requests_per_second, account.requests_per_hour) == (BREVO_URL, 10, 36_000)
    assert settings.attributes == {"first_name": "FIRSTNAME", "last_name": "LASTNAME"}
    assert account.api_key.get_secret_value() == KEY
    assert KEY not in repr(settings)


def test_the_environment_has_the_last_word_on_the_host(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_BASE_URL", "http://127.0.0.1:1/v3")
    text = f'[accounts.default]\nbase_url = "https://a.example/v3"\n{MINIMAL}'
    assert load(text).accounts["default"].base_url == "http://127.0.0.1:1/v3"
    other = '[accounts.news]\nbase_url = "https://a.example/v3"\n'
    assert load(other + MINIMAL, SYNC_API_KEY_NEWS=KEY).accounts["news"].base_url == "https://a.example/v3"


def test_each_account_has_a_key_of_its_own(load: Load, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"  {KEY}-2\n")
    text = f'{TWO_ACCOUNTS}{MINIMAL}account = "news"\n'
    accounts = load(text, SYNC_API_KEY_NEWS=f"{KEY}-1\n", SYNC_API_KEY_BIG_SPORTS_FILE=str(file)).accounts
    assert {name: account.api_key.get_secret_value() for name, account in accounts.items()} == {
        "news": f"{KEY}-1",
        "big-sports": f"{KEY}-2",
    }


def test_a_newsletter_belongs_to_an_account(load: Load) -> None:
    text = f'{TWO_ACCOUNTS}{MINIMAL}account = "news"\n[newsletters.goals]\nlist_id = 3\naccount = "big-sports"\n'
    settings = load(text, SYNC_API_KEY_NEWS=KEY, SYNC_API_KEY_BIG_SPORTS=KEY)
    assert [settings.account_of(slug) for slug in ("daily", "goals", "unheard-of")] == ["news", "big-sports", None]
    assert {name: list(known) for name, known in settings.newsletters_by_account.items()} == {
        "news": ["daily"],
        "big-sports": ["goals"],
    }


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["newsletters: missing"]),
        ("[newsletters]\n", ["newsletters: there must be at least one"]),
        ("colour = 1\n" + MINIMAL, ["colour: unknown key"]),
        (MINIMAL + "colour = 1\n", ["newsletters.daily.colour: unknown key"]),
        (
            "[newsletter.daily]\nlist_id = 3\n",
            ["newsletters: missing", "newsletter: unknown key; is newsletters meant?"],
        ),
        (
            "[newsletters.daily]\nlistid = 3\n",
            ["newsletters.daily.list_id: missing", "newsletters.daily.listid: unknown key; is list_id meant?"],
        ),
        (MINIMAL + "[pipeline]\nretry = 3\n", ["pipeline.retry: unknown key; is retries meant?"]),
        (MINIMAL + "[pipeline]\nlist_ids = 3\n", ["pipeline.list_ids: unknown key"]),
        (MINIMAL + '[operate]\nact = "anna"\n', ['operate.act: must be an array, as in ["…"]']),
        (
            MINIMAL + '[operate]\nflower_url = "localhost:5555"\n',
            ["operate.flower_url: must begin with http:// or https://, without spaces, quotes or brackets"],
        ),
        (MINIMAL + "[pipeline]\nretries = -1\n", ["pipeline.retries: Input should be greater than or equal to 0"]),
        ("[newsletters.daily]\n", ["newsletters.daily.list_id: missing"]),
        ("[newsletters.daily]\nlist_id = 0\n", ["newsletters.daily.list_id: Input should be greater than 0"]),
        (
            MINIMAL + '[attributes]\ncity = "city"\n',
            ["attributes.city: must be an attribute of Brevo's: at most 50 capitals, digits and underscores"],
        ),
        (MINIMAL + '[attributes]\ncity = "PLACE"\ntown = "PLACE"\n', ["attributes: PLACE is used 2 times"]),
        (
            MINIMAL + 'unsubscribed_attribute = "CITY"\n[attributes]\ncity = "CITY"\n',
            ["attributes: CITY is used 2 times"],
        ),
        (
            MINIMAL + "[newsletters.weekly]\nlist_id = 3\n",
            ["newsletters: list 3 of account 'default' is used 2 times"],
        ),
        (MINIMAL + 'account = "moon"\n', ["newsletters.daily: there is no account 'moon'"]),
        ("accounts = 3\n" + MINIMAL, ["accounts: must be a table"]),
        (
            "[accounts]\ndefault = 3\n" + MINIMAL,
            ["accounts.default: must be a table"],
        ),
        ("unsubscribe = 3\n" + MINIMAL, ["unsubscribe: must be a table"]),
        ("attributes = 3\n" + MINIMAL, ["attributes: must be a table"]),
        (
            f'[accounts.default]\napi_key = "{KEY}"\n{MINIMAL}',
            ["accounts.default: a key does not belong in the file; use SYNC_API_KEY"],
        ),
        (
            "[accounts.default]\nrequests_per_second = 0\nrequests_per_hour = 0\n" + MINIMAL,
            [
                "accounts.default.requests_per_second: Input should be greater than 0",
                "accounts.default.requests_per_hour: Input should be greater than 0",
            ],
        ),
        ("[newsletters", ["not TOML: Expected ']' at the end of a table declaration (at end of document)"]),
    ],
)
def test_each_fault_is_one_line(faults: Faults, text: str, lines: list[str]) -> None:
    assert faults(text) == lines


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"[newsletters.daily]\nlist_id = {'9' * 5_000}\n", "not TOML: a number is too long"),
        (f"x = {'[' * 5_000}{']' * 5_000}\n", "not TOML: nested too deeply"),
        ('[newsletters."a\\nb"]\nlist_id = 3\n', r"newsletters.a\nb: must be a slug"),
        ('[newsletters.daily]\nlist_id = 3\n"\\u001b[31m" = 3\n', r"newsletters.daily.\x1b[31m: unknown key"),
        (
            '[accounts."a\\nb"]\napi_key = "x"\n',
            r"accounts.a\nb: a key does not belong in the file; use SYNC_API_KEY_A\nB",
        ),
    ],
    ids=["digits", "nested", "slug", "key", "account"],
)
def test_what_toml_allows_and_makes_no_sense_is_one_line(faults: Faults, text: str, line: str) -> None:
    (found,) = faults(text)
    assert found.startswith(line)


@pytest.mark.parametrize(
    ("names", "variable"),
    [
        (("a-b", "a_b"), "SYNC_API_KEY_A_B"),
        (("default", "file"), "SYNC_API_KEY_FILE"),
        (("x", "x-file"), "SYNC_API_KEY_X_FILE"),
    ],
)
def test_two_accounts_with_one_variable_are_refused(faults: Faults, names: tuple[str, str], variable: str) -> None:
    """The name of a file would go to Brevo as a key."""
    tables = "".join(f"[accounts.{name}]\n" for name in names)
    first, second = names
    lines = faults(
        f"{tables}[newsletters.daily]\nlist_id = 3\naccount = '{first}'\n", **{variable_of(name): "k" for name in names}
    )
    assert f"accounts: {first} and {second}: {variable} would be of both; rename one" in lines


def test_a_pipe_in_place_of_a_file_is_not_waited_for(faults: Faults, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    lines = faults(MINIMAL, SYNC_API_KEY_FILE=str(tmp_path / "pipe"))
    assert lines == ["SYNC_API_KEY_FILE: cannot read the file it names: it is no plain file"]


def find_patterns(schema: object) -> Iterator[str]:
    """Yield each pattern that a value or a name must match."""
    if isinstance(schema, list):
        yield from chain.from_iterable(map(find_patterns, schema))
    elif isinstance(schema, dict):
        yield from filter(None, [schema.get("pattern")])
        yield from schema.get("patternProperties", ())
        yield from chain.from_iterable(map(find_patterns, schema.values()))


def test_each_pattern_of_the_configuration_has_its_words() -> None:
    assert {*find_patterns(Settings.model_json_schema())} == {*PATTERNS}


@pytest.mark.parametrize("address", ["deleted@example.com", "{token}", "{token}@a@b", "{name}{token}@example.com"])
def test_an_anonymous_address_must_be_one_of_its_own_for_everybody(faults: Faults, address: str) -> None:
    (line,) = faults(f'{MINIMAL}[anonymize]\nemail = "{address}"\n')
    assert line.startswith("anonymize.email: must be an address with {token} once before the @")


@pytest.mark.parametrize(("long", "good"), [(28, True), (60, False)])
def test_an_anonymous_address_must_be_one_that_brevo_takes(
    load: Load, faults: Faults, long: int, *, good: bool
) -> None:
    text = f'{MINIMAL}[anonymize]\nemail = "{"x" * long}-{{token}}@example.com"\n'
    if good:
        assert load(text).anonymize.email.startswith("xx")
        return
    (line,) = faults(text)
    assert line.startswith("anonymize.email: ")


@pytest.mark.parametrize("secret", [None, "s" * 40])
def test_a_link_to_unsubscribe_needs_a_secret(load: Load, faults: Faults, secret: str | None) -> None:
    text = f'{MINIMAL}[unsubscribe]\nattribute = "LINK"\n'
    if secret:
        assert load(text, SYNC_API_KEY=KEY, SYNC_UNSUBSCRIBE_SECRET=secret).unsubscribe.signing_secrets == (secret,)
        return
    said = "unsubscribe: no secret; set SYNC_UNSUBSCRIBE_SECRET or SYNC_UNSUBSCRIBE_SECRET_FILE"
    assert faults(text) == [said]


def test_the_variables_of_each_account_are_known() -> None:
    assert key_variables(["default", "big-sports"]) == {
        "SYNC_API_KEY",
        "SYNC_API_KEY_FILE",
        "SYNC_API_KEY_BIG_SPORTS",
        "SYNC_API_KEY_BIG_SPORTS_FILE",
    }


def test_with_several_accounts_each_newsletter_must_name_its_own(faults: Faults) -> None:
    lines = faults(TWO_ACCOUNTS + MINIMAL, SYNC_API_KEY_NEWS=KEY, SYNC_API_KEY_BIG_SPORTS=KEY)
    assert lines == ["newsletters.daily: which account? there are several"]


def test_one_account_that_is_no_table_is_reported_beside_others(faults: Faults) -> None:
    lines = faults(f'[accounts]\nnews = {{}}\nsports = 3\n{MINIMAL}account = "news"\n', SYNC_API_KEY_NEWS=KEY)
    assert "accounts.sports: must be a table" in lines


def test_every_account_without_a_key_is_reported_with_the_variable_it_lacks(faults: Faults) -> None:
    assert faults(f'{TWO_ACCOUNTS}{MINIMAL}account = "news"\n', SYNC_API_KEY=KEY) == [
        "accounts.news: no API key; set SYNC_API_KEY_NEWS or SYNC_API_KEY_NEWS_FILE",
        "accounts.big-sports: no API key; set SYNC_API_KEY_BIG_SPORTS or SYNC_API_KEY_BIG_SPORTS_FILE",
    ]


@pytest.mark.parametrize("key", [f"{KEY} x", f"{KEY}\nx", f"{KEY}\x00", f"{KEY}é"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(faults: Faults, key: str) -> None:
    lines = faults(MINIMAL, SYNC_API_KEY=key)
    assert lines == ["accounts.default: the API key holds white space, a line break or an odd character"]


def test_a_key_file_that_cannot_be_read_is_reported_by_its_variable(faults: Faults, tmp_path: Path) -> None:
    lines = faults(MINIMAL, SYNC_API_KEY_FILE=str(tmp_path / "nowhere"))
    assert lines == ["SYNC_API_KEY_FILE: cannot read the file it names: No such file or directory"]


CHANGED = """
[newsletters.morning]
list_id = 8
was = "daily"
former_list_ids = [3, "default:4"]
"""


def test_a_newsletter_may_have_had_other_names_and_lists(load: Load) -> None:
    settings = load(CHANGED)
    assert settings.slugs == {"morning", "daily"}
    assert (settings.account_of("daily"), settings.find_newsletter("daily")) == (
        "default",
        settings.newsletters["morning"],
    )
    assert settings.former_lists("daily") == (("default", 3), ("default", 4))
    assert settings.former_on("default") == dict.fromkeys(("morning", "daily"), frozenset({3, 4}))
    assert load(CHANGED.replace('"daily"', '["daily", "early"]')).renamed == {"daily": "morning", "early": "morning"}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            CHANGED + MINIMAL,
            [
                "newsletters.morning: was: 'daily' is a newsletter of its own; take that table away",
                "newsletters.morning: former_list_ids: list 3 of account 'default' belongs to 'daily'",
            ],
        ),
        (
            CHANGED + '[newsletters.evening]\nlist_id = 9\nwas = "daily"\n',
            ["newsletters.morning: was: 'daily' became 'evening' already"],
        ),
        (
            CHANGED.replace("[3,", "[8,"),
            ["newsletters.morning: former_list_ids: list 8 of account 'default' belongs to 'morning'"],
        ),
        *(
            (
                CHANGED.replace("[3,", f"[{wrong},"),
                ["newsletters.morning.former_list_ids.0: must be a list, as 3, or a list of another account"],
            )
            for wrong in ("0", "-3", '"default"', '"a b:3"', "true")
        ),
        (CHANGED.replace('"daily"', '["a b"]'), ["newsletters.morning.was.0: must be a slug of at most 64 letters"]),
    ],
)
def test_a_change_that_makes_no_sense_is_reported(faults: Faults, text: str, lines: list[str]) -> None:
    found = faults(text)
    assert [line[: len(reported)] for line, reported in zip(found, lines, strict=True)] == lines


def test_all_faults_are_reported_at_once(faults: Faults) -> None:
    assert faults(f"{MINIMAL}[newsletters.weekly]\nlist_id = 3\n", NOTHING="") == [
        "accounts.default: no API key; set SYNC_API_KEY or SYNC_API_KEY_FILE",
        "newsletters: list 3 of account 'default' is used 2 times",
    ]


def test_the_mark_that_some_editors_put_in_front_of_utf_8_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "conf.toml"
    path.write_text(MINIMAL.replace("\n", "\r\n"), encoding="utf-8-sig")
    monkeypatch.setenv("SYNC_CONFIG", str(path))
    assert set(load_settings({"SYNC_API_KEY": "key"}).newsletters) == {"daily"}
    assert environment.read_at_hand().newsletters == frozenset({"daily"})


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda _: None, "there is no such file; name the configuration with SYNC_CONFIG"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"\xff"), "not UTF-8: save it as UTF-8"),
        (os.mkfifo, "cannot be read: it is no plain file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], line: str
) -> None:
    path = tmp_path / "conf.toml"
    make(path)
    monkeypatch.setenv("SYNC_CONFIG", str(path))
    with pytest.raises(ConfigurationError) as caught:
        load_settings({})
    assert str(caught.value) == f"{path}: {line}"
