"""The page speaks the language that its reader likes best of ours."""

import pytest

from sync_tasks.portal.unsubscribe_words import PLACE, WORDS, choose_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("fr,en;q=0.5,de;q=0.7", "de"),
        ("fr", "en"),
        ("de;q=0", "en"),
        ("de,en;q=0", "de"),
        ("de;q=x,*", "en"),
        ("EN-us, DE", "en"),
        (",;q=,;;", "en"),
        ("en; q=0.5, de; q=0.8", "de"),
        ("de;Q=0.9,en;q=0.1", "de"),
        ("de;level=1;q=0.3,en;q=0.2", "de"),
        ("en;q=0.5,de;q=nan", "en"),
        ("de;q=inf,en;q=0.1", "en"),
    ],
)
def test_the_language_is_the_best_liked_of_ours(header: str, language: str) -> None:
    assert choose_language(header) == language


def test_every_language_says_the_same_of_the_same_newsletter() -> None:
    shapes = [
        {situation: (PLACE in words.text, bool(words.button)) for situation, words in reported.items()}
        for reported in WORDS.values()
    ]
    assert shapes[0] == shapes[1]


def test_a_page_names_a_newsletter_only_if_the_link_does() -> None:
    naming = {situation for words in WORDS.values() for situation, said in words.items() if PLACE in said.text}
    assert naming == {"ask", "done"}
