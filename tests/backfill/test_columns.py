"""What a column means: by its own name, by an option, by the configuration; and what is said of one nobody knows."""

import pytest

from sync_tasks.backfill.columns import NOTHING, Words, newsletter_of, parse_pairs
from sync_tasks.errors import ConfigurationError

WORDS = Words(frozenset({"daily", "Weekly"}), frozenset({"city", "ageGroup"}), attributes={"city": "TOWN"})


@pytest.mark.parametrize(
    ("column", "meaning"),
    [
        ("user_id", "user_id"),
        (" User ID ", "user_id"),
        ("E-Mail", "email"),
        ("newsletter", "newsletters"),
        ("first-name", "first_name"),
        ("city", "city"),
        ("TOWN", "city"),
        ("town", None),
        ("AGEGROUP", "ageGroup"),
        ("Daily", "newsletters.daily"),
        ("weekly ", "newsletters.Weekly"),
        ("newsletters.daily", "newsletters.daily"),
        ("not newsletters.daily", "not newsletters.daily"),
        ("newsletters.hourly", None),
        (NOTHING, NOTHING),
        ("shoe", None),
    ],
)
def test_a_column_means(column: str, meaning: str | None) -> None:
    assert WORDS.meaning_of(column) == meaning


def test_options_of_this_file_come_before_those_of_all_files_and_before_names() -> None:
    words = Words(
        frozenset({"daily"}),
        frozenset({"city"}),
        columns={"City ": "first_name"},
        usual={"city": "last_name", "daily": "subscribed"},
        ignore_unknown=True,
    )
    assert [words.meaning_of(name) for name in ("city", "DAILY", "shoe")] == ["first_name", "subscribed", NOTHING]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (Words(frozenset({"daily"}), frozenset(), columns={"a": "shoe"}), ["--map: 'shoe' is not known"]),
        (
            Words(frozenset({"daily"}), frozenset(), usual={"a": "emial"}),
            ["--map: 'emial' is not known; the nearest known name is email"],
        ),
        (Words(frozenset({"daily"}), frozenset(), columns={"a": "newsletters.daily", "b": "-"}), []),
        (
            Words(frozenset({"daily"}), frozenset(), columns={"a": "newsletters.hourly"}),
            ["--map: 'newsletters.hourly' is not known; the nearest known name is newsletters.daily"],
        ),
        (
            Words(frozenset(), frozenset(), values={"email": "x"}),
            ["--set: 'email' is not known; the nearest known name is email"],
        ),
        (Words(frozenset(), frozenset({"city"}), values={"city": "x"}), []),
        (Words(frozenset(), frozenset(), values={"a@b": "x"}), ["--set: (unprintable) is not known"]),
        (Words(frozenset(), frozenset(), values={"q" * 60: "x"}), [f"--set: '{'q' * 60}' is not known"]),
        (Words(frozenset(), frozenset(), values={"q" * 61: "x"}), ["--set: (unprintable) is not known"]),
        (
            Words(frozenset({"daily"}), frozenset(), names={"A": "daily", "B": "-", "C": "hourly"}),
            ["--name: newsletter 'hourly' is not in the configuration"],
        ),
    ],
)
def test_options_that_make_no_sense_are_named(words: Words, said: list[str]) -> None:
    assert list(words.faults()) == said


OPTIONS = 'say what it means with --map "COLUMN=NAME", or leave it out with --ignore-unknown-columns'


@pytest.mark.parametrize(
    ("header", "faults"),
    [
        (["user_id", "email", "", "daily"], []),
        (["user_id", "email", "subscribed", "subscribed"], []),
        (["user_id"], ['no column email: name it so, or add --map "COLUMN=email"']),
        (["user_id", "email", "city", "TOWN"], ["columns 3 and 4 both say city"]),
        (["user_id", "email", "shoe"], [f"column 3 (shoe) is not known; {OPTIONS}"]),
        (["user_id", "email", "cty"], [f"column 3 (cty) is not known; the nearest known name is city; {OPTIONS}"]),
        (
            ["user_id", "email", "shoe", "shoe"],
            [
                "columns 3 and 4 have the same name",
                f"column 3 (shoe) is not known; {OPTIONS}",
                f"column 4 (shoe) is not known; {OPTIONS}",
            ],
        ),
        (["a@b.org", "x"], ["the first line looks like a row: a header with user_id and email is wanted"]),
        (
            ["shoe"],
            [
                'no column email: name it so, or add --map "COLUMN=email"',
                'no column user_id: name it so, or add --map "COLUMN=user_id"',
                f"column 1 is not known; {OPTIONS}",
            ],
        ),
        (["user_id", "email", "sh\too"], [f"column 3 is not known; {OPTIONS}"]),
    ],
)
def test_a_header_is_taken_or_refused_with_each_fault(header: list[str], faults: list[str]) -> None:
    if not faults:
        assert len(WORDS.meanings(header)) == len(header)
        return
    with pytest.raises(ConfigurationError) as caught:
        WORDS.meanings(header)
    assert list(caught.value.args) == faults


def test_an_option_about_a_column_that_is_not_there_is_refused() -> None:
    words = Words(frozenset(), frozenset(), columns={"Mail": "email", "mail2": "first_name"})
    with pytest.raises(ConfigurationError) as caught:
        words.meanings(["user_id", " mail "])
    assert list(caught.value.args) == ["--map: there is no column 'mail2'"]


@pytest.mark.parametrize(
    ("meaning", "found"),
    [
        ("newsletters.daily", ("daily", True)),
        ("not newsletters.daily", ("daily", False)),
        ("daily", None),
        ("xnewsletters.daily", None),
    ],
)
def test_a_meaning_names_a_newsletter(meaning: str, found: tuple[str, bool] | None) -> None:
    assert newsletter_of(meaning) == found


def test_pairs_are_split_at_the_last_sign() -> None:
    assert parse_pairs("--map", ["a = b", "c=d=e"]) == {"a": "b", "c=d": "e"}
    assert parse_pairs("--map", None) == {}
    for text in ("a", "=b", "a=", " = "):
        with pytest.raises(ConfigurationError, match=r"^--map: a name, =, and what it means are wanted$"):
            parse_pairs("--map", [text])
