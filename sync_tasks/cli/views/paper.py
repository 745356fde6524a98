"""A page with everything that is held of a person, to hand over."""

import json
from collections.abc import Mapping
from html import escape

_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Personal data</title>
<style>body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto}td,th{text-align:left;vertical-align:top;
padding:.2em 1em .2em 0}pre{white-space:pre-wrap}</style>
<h1>Personal data that is held</h1>
"""


def draw_paper(document: Mapping[str, object]) -> str:
    """Return the page; the same data is in it once more as JSON, to take along."""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{_draw(value)}</td></tr>" for name, value in document.items())
    portable = escape(json.dumps(document, indent=2, ensure_ascii=False))
    return f"{_HEAD}<table>{rows}</table><h2>The same for programs</h2><pre>{portable}</pre></html>\n"


def _draw(value: object) -> str:
    if isinstance(value, Mapping):
        return (
            "<table>"
            + "".join(f"<tr><th>{escape(str(k))}</th><td>{_draw(v)}</td></tr>" for k, v in value.items())
            + "</table>"
        )
    if isinstance(value, list):
        return "<br>".join(map(_draw, value)) or "none"
    return escape("" if value is None else str(value))
