"""The operator's page as routes of a web server: who asks is known first, and each form must be the operator's own."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs

from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sync_tasks.config.settings import Settings
from sync_tasks.errors import ConfigurationError
from sync_tasks.http.body import read_body
from sync_tasks.http.refusal import HttpRefusal, RefusalLog
from sync_tasks.log import describe, log
from sync_tasks.operate.cause_board import CauseBoard
from sync_tasks.operate.doorkeeper import COOKIE, KNOWN_COOKIE, PATH, Doorkeeper, Operator
from sync_tasks.operate.login_bounds import TooManyTriesError
from sync_tasks.operate.pages import HEADERS, HtmlPage, Move, answer, answer_style, style_name
from sync_tasks.operate.visit import Door, View, Visit
from sync_tasks.state.logins import end_logins, is_over
from sync_tasks.state.store import Store
from sync_tasks.state.trouble import describe_refusal, find_refusal

MOST_FIELDS = 20_000
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, repr=False)
class OperatePage:
    """Answers operators; ``doors`` are the pages."""

    store: Store
    settings: Settings
    doorkeeper: Doorkeeper
    doors: tuple[Door, ...]
    refusals: RefusalLog
    board: CauseBoard = field(default_factory=CauseBoard)

    @property
    def routes(self) -> list[Route]:
        """What a server needs to show it."""
        return [*self._routes()]

    def _routes(self) -> Iterator[Route]:
        yield Route(PATH + style_name(), self._show_style)
        yield Route(f"{PATH}/login", self._guarded(self._ask_name))
        yield Route(f"{PATH}/login", self._guarded(self._log_in), methods=["POST"])
        yield Route(f"{PATH}/logout", self._guarded(self._log_out), methods=["POST"])
        for door in self.doors:
            if door.look:
                yield Route(PATH + door.path, self._guarded(self._looking(door.look)))
            if door.post:
                yield Route(PATH + door.path, self._guarded(self._acting(door, door.post)), methods=["POST"])
        yield from (Route(PATH + rest, self._guarded(self._refuse), methods=_METHODS) for rest in ("", "/{rest:path}"))

    async def _show_style(self, _request: Request) -> Response:
        return answer_style()

    def _guarded(self, serve: Callable[[Request], object]) -> Callable[[Request], object]:
        """Return what serves a request and turns trouble into a page of one line."""

        async def answer_request(request: Request) -> Response:
            try:
                return await serve(request)  # type: ignore[misc, no-any-return]
            except HttpRefusal as refusal:
                self.refusals.report(refusal)
                return self._show_trouble(refusal.words, refusal.status)
            except (RedisError, OperationalError) as error:
                return self._show_redis(error)
            except ConfigurationError as error:
                log.error("operate: %s", error)
                return self._show_trouble("The configuration of this page is in trouble: see the log of `serve`.", 503)
            except ClientDisconnect:
                return Response(status_code=408)
            except Exception as error:  # noqa: BLE001 - the last frontier: nothing personal in an answer or a log
                return self._show_fault(error)

        return answer_request

    async def _refuse(self, _request: Request) -> Response:
        raise HttpRefusal(404, "There is no such page, or it is not asked for like this.")

    def _recognize(self, request: Request) -> Operator | None:
        """Return who is asking, unless that login is over."""
        operator = self.doorkeeper.recognize(request)
        if operator and operator.session and is_over(self.store, operator.name, operator.since):
            return None
        return operator

    def _looking(self, view: View) -> Callable[[Request], object]:
        async def look(request: Request) -> Response:
            operator = await asyncio.to_thread(self._recognize, request)
            return await self._show(request, operator, view, {}) if operator else self._send_to_login()

        return look

    def _acting(self, door: Door, view: View) -> Callable[[Request], object]:
        async def act(request: Request) -> Response:
            operator = await asyncio.to_thread(self._recognize, request)
            if operator is None:
                return self._send_to_login()
            form = await self._read_form(request, operator)
            if door.acts and not operator.may_act:
                raise HttpRefusal(403, "Your role may look, not act.")
            return await self._show(request, operator, view, form)

        return act

    async def _show(self, request: Request, operator: Operator, view: View, form: Mapping[str, list[str]]) -> Response:
        visit = Visit(self.store, self.settings, operator, self.board, request.query_params, form)
        page = await asyncio.to_thread(view, visit)
        facts = {"operator": operator, "token": self.doorkeeper.form_token(operator), "here": request.url.path}
        response = answer(page, flower_url=self.settings.operate.flower_url, **facts)
        if operator.session:
            self.doorkeeper.give_cookie(request, response, operator)
        return response

    async def _read_form(self, request: Request, operator: Operator) -> Mapping[str, list[str]]:
        form = await _read_fields(request)
        if not self.doorkeeper.is_own_form(request, operator, form.get("token", [""])[0]):
            raise HttpRefusal(403, "This form is too old or not yours: load the page again, then repeat it.")
        return form

    async def _ask_name(self, request: Request) -> Response:
        if await asyncio.to_thread(self._recognize, request):
            return answer(Move(""))
        return self._ask_again("")

    async def _log_in(self, request: Request) -> Response:
        form = await _read_fields(request)
        if self.doorkeeper.is_foreign(request):
            raise HttpRefusal(403, "This login came from another site.")
        name, password = (form.get(field, [""])[0] for field in ("name", "password"))
        caller, known = request.client.host if request.client else "", request.cookies.get(KNOWN_COOKIE, "")
        try:
            operator = await asyncio.to_thread(self.doorkeeper.log_in, name.strip(), password, caller, known)
        except TooManyTriesError:
            self.refusals.report(HttpRefusal(429, "too many tries to log in"))
            return self._ask_again("Too many tries: wait a minute.", 429)
        if operator is None:
            self.refusals.report(HttpRefusal(401, "a wrong name or password"))
            return self._ask_again("Name or password is wrong.", 401)
        operator = replace(operator, since=int(await asyncio.to_thread(self.store.now)))
        log.info("operate: %s logged in", operator.name)
        response = answer(Move(""))
        self.doorkeeper.give_cookie(request, response, operator)
        self.doorkeeper.give_known(request, response, operator)
        return response

    async def _log_out(self, request: Request) -> Response:
        operator = await asyncio.to_thread(self._recognize, request)
        if operator:
            await self._read_form(request, operator)
            if operator.session:
                await asyncio.to_thread(end_logins, self.store, operator.name)
        response = self._send_to_login()
        response.delete_cookie(COOKIE, path=PATH)
        return response

    def _ask_again(self, trouble: str, status: int = 200) -> Response:
        facts = {"trouble": trouble, "by_password": self.settings.operate.passwords is not None}
        return answer(HtmlPage("login.html", facts, status), operator=None)

    @staticmethod
    def _send_to_login() -> Response:
        return RedirectResponse(f"{PATH}/login", 303, headers=dict(HEADERS))

    def _show_redis(self, error: Exception) -> Response:
        """Say what to do about Redis: it refuses us, is away, or says of our own request that it is wrong."""
        if refusal := find_refusal(error):
            words = describe_refusal(refusal, "SYNC_REDIS_URL")
            log.error("operate: %s", words)
            return self._show_trouble(f"{words}. Then load this page again.", 503)
        if isinstance(error, (RedisConnectionError, RedisTimeoutError, OperationalError)):
            log.warning("operate: not answered: %s", type(error).__name__)
            return self._show_trouble("Redis is away: start it, then load this page again.", 503)
        return self._show_fault(error)

    def _show_fault(self, error: Exception) -> Response:
        log.error("operate: unexpected error\n%s", describe(error))
        return self._show_trouble("Something is broken here: the log of `serve` has class and place.", 500)

    @staticmethod
    def _show_trouble(trouble: str, status: int) -> Response:
        return answer(HtmlPage("trouble.html", {"trouble": trouble}, status), operator=None)


async def _read_fields(request: Request) -> Mapping[str, list[str]]:
    """Return the fields of a form.

    Raises:
        HttpRefusal: it is no form, or too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HttpRefusal(415, "Only forms are read here.")
    try:
        return parse_qs((await read_body(request)).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HttpRefusal(400, "This is no form of ours.") from None


def build_page(
    store: Store, settings: Settings, doorkeeper: Doorkeeper, refusals: RefusalLog | None = None
) -> OperatePage:
    """Return the page with all its doors."""
    from sync_tasks.operate.views import comparisons, letters, overview, people, suppressed

    doors = (
        Door("", overview.show_overview),
        Door("/letters", letters.show_causes),
        Door("/letters/cause", letters.show_cause, letters.deal_with),
        Door("/letters/replayed", letters.show_replays),
        Door("/people", people.show_person, people.find_person, acts=False),
        Door("/people/unmask", post=people.unmask_person),
        Door("/comparisons", comparisons.show_comparisons, comparisons.approve_comparison),
        Door("/suppressed", suppressed.show_suppressed),
    )
    return OperatePage(store, settings, doorkeeper, doors, refusals or RefusalLog("operate"))
