"""How pages of the operator look: small templates, one stylesheet, nothing that runs in a browser."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sync_tasks.domain.timestamps import moment_of, show_age
from sync_tasks.monitoring.causes import name_cause
from sync_tasks.operate.doorkeeper import PATH
from sync_tasks.texts import count, escaped

_RULES = (
    "default-src 'none'",
    "style-src 'self'",
    "img-src data:",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": "; ".join(_RULES),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}


_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True, repr=False)
class HtmlPage:
    """A template and what it shows; ``again``: in how many seconds the browser asks anew, if the operator wants it."""

    template: str
    facts: Mapping[str, object] = field(default_factory=dict)
    status: int = 200
    again: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Move:
    """The way to another page, after an act; ``to`` begins below the page's own path."""

    to: str


def answer(page: HtmlPage | Move, **facts: object) -> Response:
    """Return a page as HTML, or the way to another one."""
    if isinstance(page, Move):
        return RedirectResponse(PATH + page.to, 303, headers=dict(HEADERS))
    text = _templates().get_template(page.template).render({"root": PATH, "style": style_name(), **facts, **page.facts})
    refresh = {"refresh": str(page.again)} if page.again else {}
    return HTMLResponse(text, page.status, headers={**HEADERS, **refresh})


@cache
def style() -> str:
    """Return the stylesheet."""
    return (files("sync_tasks.operate") / "operate.css").read_text(encoding="utf-8")


@cache
def style_name() -> str:
    """Return the address of the stylesheet below the page's own path; another release has another one."""
    return f"/style-{sha256(style().encode()).hexdigest()[:12]}.css"


def answer_style() -> Response:
    """Return the stylesheet as an answer that a browser may keep."""
    kept = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(style(), media_type="text/css", headers={**HEADERS, **kept})


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("sync_tasks.operate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_show,
    )
    environment.filters |= {
        "age": show_age,
        "moment": show_moment,
        "count": count,
        "cause": name_cause,
        "code": show_code,
    }
    return environment


def _show(value: object) -> object:
    """Return what no browser takes for more than a text: control codes and marks of direction are spelled out."""
    return escaped(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def show_code(text: str) -> Markup:
    """Return a text of ours with what stands between backticks as code; all else is shown as it is."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(escaped(text)))))  # noqa: S704 - escaped before


def show_moment(stamp: str | int) -> str:
    """Return a stamp as people read it."""
    return f"{moment_of(stamp):%Y-%m-%d %H:%M:%S} UTC"
