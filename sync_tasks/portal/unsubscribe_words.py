"""What the unsubscribe page says, in English and German. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

Situation = Literal["ask", "done", "wrong", "busy", "away"]


@dataclass(frozen=True, slots=True)
class PageWords:
    """A headline, one sentence or more, and what the button says."""

    title: str
    text: str
    button: str = ""


DEFAULT = "en"
_WEIGHT = re.compile(r"(?:0(?:\.\d*)?|1(?:\.0*)?)")
PLACE = "{newsletter}"
WORDS: dict[str, dict[Situation, PageWords]] = {
    "en": {
        "ask": PageWords(
            "Unsubscribe?", "Do you want to stop receiving the newsletter “{newsletter}”?", "Yes, unsubscribe me"
        ),
        "done": PageWords(
            "You are unsubscribed",
            "You will not receive the newsletter “{newsletter}” any more. A message that is already on its way may"
            " still reach you.",
        ),
        "wrong": PageWords(
            "This link does not work",
            "It is incomplete or too old. Please use the link in the newest newsletter that you received. If that does"
            " not help, change your newsletters in your account on our website, or reply to the newsletter.",
        ),
        "busy": PageWords("Please wait a minute", "This page was asked for too often. Please try again in a minute."),
        "away": PageWords(
            "Please try again later",
            "You are not unsubscribed yet: something is broken here. Please try again soon.",
        ),
    },
    "de": {
        "ask": PageWords(
            "Abbestellen?", "Möchten Sie den Newsletter „{newsletter}“ nicht mehr lesen?", "Ja, abbestellen"
        ),
        "done": PageWords(
            "Sie sind abgemeldet",
            "Sie erhalten den Newsletter „{newsletter}“ nicht mehr. Eine Nachricht, die schon unterwegs ist, kann Sie"
            " noch erreichen.",
        ),
        "wrong": PageWords(
            "Dieser Link funktioniert nicht",
            "Er ist unvollständig oder zu alt. Bitte benutzen Sie den Link im neuesten Newsletter, den Sie erhalten"
            " haben. Hilft das nicht, ändern Sie Ihre Newsletter in Ihrem Konto auf unserer Website, oder antworten"
            " Sie auf den Newsletter.",
        ),
        "busy": PageWords(
            "Bitte warten Sie eine Minute",
            "Diese Seite wurde zu oft aufgerufen. Bitte versuchen Sie es dann noch einmal.",
        ),
        "away": PageWords(
            "Bitte versuchen Sie es später",
            "Sie sind noch nicht abgemeldet: Hier funktioniert etwas nicht. Bitte versuchen Sie es bald noch einmal.",
        ),
    },
}


def choose_language(header: str) -> str:
    """Return which of our languages an ``Accept-Language`` header likes best."""
    wished: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        language = name.partition("-")[0]
        if language in WORDS:
            wished.append((-_read_weight(parameters), place, language))
    return min(wished)[2] if wished and min(wished)[0] < 0 else DEFAULT


def _read_weight(parameters: list[str]) -> float:
    """Return the weight from 0 to 1 (RFC 9110, 12.4.2): 1 if there is none, 0 if it makes no sense."""
    weight = next((text.partition("=")[2].strip() for text in parameters if text.startswith("q")), "1")
    return float(weight) if _WEIGHT.fullmatch(weight) else 0.0
