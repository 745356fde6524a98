"""The page behind an unsubscribe link: GET only asks, POST unsubscribes.

Scanners of mail open every link, so that GET changes nothing. Whoever posts is unsubscribed, whatever the body: the
button of the page, or a mailbox with ``List-Unsubscribe=One-Click`` (RFC 8058). The answer never depends on whether the
person exists.
"""

import asyncio
import html
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from string import Template

from kombu.exceptions import OperationalError
from redis import RedisError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sync_tasks.config.environment import read_plain
from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError, InvalidEventError, InvalidLinkError
from sync_tasks.http.body import read_body
from sync_tasks.http.rate_bound import RateBound, name_line
from sync_tasks.http.refusal import HttpRefusal
from sync_tasks.link_tokens import LinkToken, parse_token
from sync_tasks.log import describe, log
from sync_tasks.portal.unsubscribe_words import PLACE, WORDS, Situation, choose_language

PATH = "/unsubscribe/{newsletter}/{token:path}"
STATUSES: Mapping[Situation, int] = {"ask": 200, "done": 200, "wrong": 404, "busy": 429, "away": 503}
# In a minute: wrong links of one caller, and posts with the link of one person.
WRONG_LINKS, POSTS = 60, 20
WITHIN = 15.0
_PLACES = ("lang", "title", "text", "form")
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)

Unsubscribe = Callable[[str, str], object]


def load_template(path: Path | None) -> str:
    """Return the page as a template, ours or the portal's.

    Raises:
        ConfigurationError: it cannot be read, lacks a place that must be filled, or has one that nothing fills.
    """
    try:
        ours = files("sync_tasks.portal") / "unsubscribe.html"
        text = read_plain(path) if path else ours.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"unsubscribe.template: {path}: cannot be read: {reason}") from None
    places = set(Template(text).get_identifiers())
    if lacking := [f"${place}" for place in _PLACES if place not in places]:
        raise ConfigurationError(f"unsubscribe.template: {path}: lacks {', '.join(lacking)}")
    if unknown := sorted(places.difference(_PLACES)):
        raise ConfigurationError(f"unsubscribe.template: {path}: nothing fills ${unknown[0]}; write $$ for a dollar")
    return text


@dataclass(frozen=True, repr=False)
class UnsubscribePage:
    """Answers whoever follows a link; ``unsubscribe`` accepts the opt-out of a user from a newsletter."""

    settings: Settings
    secrets: tuple[str, ...]
    unsubscribe: Unsubscribe
    template: str
    wrong: RateBound = field(default_factory=lambda: RateBound(WRONG_LINKS))
    posts: RateBound = field(default_factory=lambda: RateBound(POSTS))

    @property
    def routes(self) -> list[Route]:
        """What a server needs to show it."""
        return [
            Route(PATH, self.ask),
            Route(PATH, self.take, methods=["POST"]),
            Route("/unsubscribe/{rest:path}", self.refuse, methods=["GET", "POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Ask whether the person is sure."""
        return self._answer(request, "ask") if self._read(request) else self._turn_away(request)

    async def take(self, request: Request) -> Response:
        """Unsubscribe the person."""
        link = self._read(request)
        if link is None:
            return self._turn_away(request)
        if not self.posts.admits(link):
            return self._answer(request, "busy")
        try:
            await read_body(request)
        except HttpRefusal as refusal:
            return Response(refusal.words, refusal.status, headers={"connection": "close"})
        except ClientDisconnect:
            return Response(status_code=408)
        return self._answer(request, await self._accept(link.user_id, request.path_params["newsletter"]))

    async def _accept(self, user_id: str, newsletter: str) -> Situation:
        """Let the opt-out be accepted, and return what to say; whatever goes wrong, the person reads words."""
        try:
            async with asyncio.timeout(WITHIN):
                await asyncio.to_thread(self.unsubscribe, user_id, newsletter)
        except (RedisError, OperationalError, TimeoutError) as error:
            log.warning("an opt-out by a link was not accepted: %s", type(error).__name__)
            return "away"
        except InvalidEventError as error:
            # Such as an id that an older release took.
            log.error("an opt-out by a link cannot be accepted: %s", error)
            return "wrong"
        except ConfigurationError as error:
            log.error("an opt-out by a link was not accepted: %s", error)
            return "away"
        except Exception as error:  # noqa: BLE001 - the last frontier: nothing personal in an answer or a log
            log.error("an opt-out by a link was not accepted: unexpected error\n%s", describe(error))
            return "away"
        return "done"

    async def refuse(self, request: Request) -> Response:
        """Say what to do with a link that names no newsletter or no person."""
        return self._turn_away(request)

    def _read(self, request: Request) -> LinkToken | None:
        """Return whose link it is, if it is one of ours and for this newsletter."""
        slug = request.path_params["newsletter"]
        try:
            link = parse_token(request.path_params["token"], self.secrets)
        except InvalidLinkError:
            return None
        known = self._present(slug) in self.settings.newsletters
        return link if known and self._present(link.newsletter) in {"", self._present(slug)} else None

    def _present(self, slug: str) -> str:
        return self.settings.renamed.get(slug, slug)

    def _turn_away(self, request: Request) -> Response:
        caller = name_line(request.client.host) if request.client else ""
        return self._answer(request, "wrong" if self.wrong.admits(caller) else "busy")

    def _answer(self, request: Request, situation: Situation) -> Response:
        language = choose_language(request.headers.get("accept-language", ""))
        words = WORDS[language][situation]
        slug = request.path_params.get("newsletter", "")
        title = self.settings.unsubscribe.titles.get(self._present(slug), slug)
        button = f'<form method="post"><button type="submit">{html.escape(words.button)}</button></form>'
        page = Template(self.template).safe_substitute(
            lang=language,
            title=html.escape(words.title),
            text=html.escape(words.text.replace(PLACE, title)),
            form=button if words.button else "",
        )
        headers = self._headers | {"content-language": language}
        if situation in {"busy", "away"}:
            headers["retry-after"] = "60"
        return HTMLResponse(page, STATUSES[situation], headers)

    @property
    def _headers(self) -> dict[str, str]:
        """Return headers that keep the token, and let nothing run but the styles of the template."""
        digests = (sha256(style.encode()).digest() for style in _STYLE.findall(self.template))
        styles = " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests) or "'none'"
        rules = ["default-src 'none'", "img-src https: data:", "form-action 'self'", "frame-ancestors 'none'"]
        return {
            "content-security-policy": "; ".join([*rules, "base-uri 'none'", f"style-src {styles}"]),
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "vary": "accept-language",
            "x-content-type-options": "nosniff",
            "x-robots-tag": "noindex",
        }
