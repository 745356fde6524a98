"""Brevo through its SDK: the only module that imports it, and the only one that compares a status.

Of the SDK (``sib-api-v3-sdk`` 7.6.0 of March 2023, the last release) only the raw ``call_api`` is used. Its models
raise on legal answers, and it decodes bodies before anybody has seen the status (tried with 7.6.0). Everything
vendor-made ends here. No error of ours carries one of the vendor's as its context, since those hold addresses.

The SDK needs urllib3 other than 2.6.0: with that release every error answer is an ``AttributeError`` (tried). Its
successor ``brevo-python`` has other names and another HTTP library: only this module would change.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from sib_api_v3_sdk import ApiClient, Configuration
from sib_api_v3_sdk.rest import ApiException
from urllib3.exceptions import HTTPError

from sync_tasks.config.base_url import BREVO_URL
from sync_tasks.errors import (
    AccountError,
    GatewayUnavailableError,
    OutOfCreditsError,
    RateLimitedError,
    RejectedContactError,
    SyncError,
    TooEarlyError,
    TransientError,
    UnauthorizedError,
)
from sync_tasks.meters import REQUESTS
from sync_tasks.providers import Gate, KnownAnswers, OpenGate, OwnerCheck
from sync_tasks.providers.brevo import failures, requests
from sync_tasks.providers.brevo.connection import Patience, clean_key
from sync_tasks.providers.brevo.failures import FailedTry
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.providers.brevo.requests import Call
from sync_tasks.providers.brevo.responses import Answer
from sync_tasks.providers.brevo.transport import bound_answers

# What stands for the status in the metrics if there is none.
NO_ANSWER = "none"
_ACCOUNT = requests.read_account().path
_PATIENCE = Patience()
_OPEN = OpenGate()
_RESET = "x-sib-ratelimit-reset"
_QUOTA = ("x-sib-ratelimit-limit", "x-sib-ratelimit-remaining")
# urllib3 logs the whole URL of a request at DEBUG, and a search has the person's address in its query.
_TALKATIVE = ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")


class Brevo(Operations):
    """One account at Brevo, for all threads of one process.

    Build it in the process that uses it, after the fork: sockets are not to be shared. For that reason, and since it
    holds the key, it does not pickle.
    """

    def __init__(
        self,
        key: str,
        *,
        base_url: str = BREVO_URL,
        pool_size: int = 10,
        patience: Patience = _PATIENCE,
        gate: Gate = _OPEN,
        owner: OwnerCheck | None = None,
        known: KnownAnswers = dict,
    ) -> None:
        """Open nothing yet; ``gate`` is asked before each request, ``pool_size`` is the number of calling threads.

        ``owner`` is asked before the first request whether the key opens the account that it should. ``known`` are the
        answers of a probe.

        Raises:
            ConfigurationError: the text cannot be a key; the message does not show it.
        """
        super().__init__(known)
        self._client = _build_client(clean_key(key), base_url.rstrip("/"), pool_size)
        self._timeouts = (patience.connect, patience.read)
        self._retrying = patience.retrying(lambda result: isinstance(result, FailedTry) and result.brief)
        self._gate = gate
        self._owner = owner

    def through(self, gate: Gate) -> "Brevo":
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._gate = gate
        return other

    def __repr__(self) -> str:
        return f"<Brevo {self._client.configuration.host}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a gateway does not pickle: build one in the process that uses it")

    def close(self) -> None:
        self._client.rest_client.pool_manager.clear()

    def _ask(self, call: Call) -> tuple[Answer, bool]:
        """Return the good answer, and whether an earlier try of the same call may still take effect."""
        if call.path != _ACCOUNT:
            self.confirm_owner()
        tried: list[Answer | FailedTry] = []

        def attempt() -> Answer | FailedTry:
            tried.append(self._attempt(call))
            return tried[-1]

        last = self._retrying(attempt)
        outcome_unknown = any(isinstance(one, FailedTry) and one.outcome_unknown for one in tried)
        if isinstance(last, Answer):
            # Accepted is not done; only of an import Brevo documents that it takes its time.
            return last, outcome_unknown or (last.status == 202 and call.writes and not call.part)  # noqa: PLR2004
        raise self._weigh(call, last, outcome_unknown=outcome_unknown)

    def confirm_owner(self) -> None:
        if self._owner:
            self._owner.confirm(self.owner)

    def check_owner(self) -> None:
        if self._owner and self._owner.ask_anew(surely=True):
            self.confirm_owner()

    def recheck_owner(self) -> None:
        if self._owner and self._owner.ask_anew():
            self.confirm_owner()

    def _weigh(self, call: Call, fault: FailedTry, *, outcome_unknown: bool) -> SyncError:
        """Return the error of a call that failed, seen together with its earlier tries and the account's health."""
        if fault.instead and isinstance(self._attempt(requests.read_attributes()), Answer):
            return fault.instead
        if outcome_unknown and isinstance(fault.error, TransientError | AccountError):
            return GatewayUnavailableError(str(fault.error), outcome_unknown=True)
        fault.error.outcome_unknown |= outcome_unknown
        # Only a refusal by Brevo itself that names no other contact may be about a list or an address. Whoever sent a
        # telephone number sends the rest without it: that shows, too.
        if type(fault.error) is RejectedContactError and not call.has_number:
            return self._find_reason(call, fault.error)
        return fault.error

    def _attempt(self, call: Call) -> Answer | FailedTry:
        """Return the answer or the failure of one try; nothing is raised while a vendor's error is handled."""
        try:
            permit = self._gate.acquire(call.bucket, call.part)
        except SyncError as error:
            return FailedTry(error)
        outcome = self._exchange(call)
        self._learn(call, outcome)
        if isinstance(outcome, Answer) or not outcome.instead:
            self._gate.report(permit, None if isinstance(outcome, Answer) else outcome.error)
        if outcome.quota:
            self._gate.record_usage(permit, *outcome.quota)
        return outcome

    def _learn(self, call: Call, outcome: Answer | FailedTry) -> None:
        if call.path == requests.IMPORT:
            self._learnt.note_import(refused=isinstance(outcome, FailedTry) and not outcome.outcome_unknown)
        elif isinstance(outcome, FailedTry) and isinstance(outcome.error, RateLimitedError):
            self._learnt.note_limit()

    def _exchange(self, call: Call) -> Answer | FailedTry:
        try:
            answer = self._send(call)
        except ApiException as error:
            if error.body is None:
                _count(call, NO_ANSWER)
                return FailedTry(GatewayUnavailableError(f"{call}: no secure connection", outcome_unknown=call.writes))
            answer = _answer_of(error.status, error.headers, error.body)
        except HTTPError as error:
            _count(call, NO_ANSWER)
            return failures.unanswered(call, error)
        except UnicodeError:
            return FailedTry(RejectedContactError(f"{call}: a text is not valid Unicode"))
        _count(call, str(answer.status))
        outcome = _result_of(call, answer)
        return outcome if isinstance(outcome, Answer) else replace(outcome, quota=answer.quota)

    def _send(self, call: Call) -> Answer:
        # Not preloaded: the SDK 7.6.0 decodes a body as UTF-8 first, and a UnicodeDecodeError would lose the status
        # (tried).
        response, status, headers = self._client.call_api(
            call.path,
            call.method,
            path_params=dict(call.parts),
            query_params=list(_pairs(call.query)),
            header_params={"Accept": "application/json"},
            body=call.body,
            auth_settings=["api-key"],
            _preload_content=False,
            _return_http_data_only=False,
            _request_timeout=self._timeouts,
        )
        return _answer_of(status, headers, response.data)


def _answer_of(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    return Answer(status, headers.get(_RESET), body, *map(headers.get, _QUOTA))


def _count(call: Call, answer: str) -> None:
    REQUESTS.labels(f"{call.method} {call.path}", answer).inc()


def _result_of(call: Call, answer: Answer) -> Answer | FailedTry:  # noqa: C901 - one case each, all in one place
    """Return the answer if it is a good one, else the failure that its status means."""
    if answer.status // 100 == 2:  # noqa: PLR2004 - as HTTP has it
        return answer
    message = failures.describe(call, answer)
    failed: FailedTry | SyncError
    match answer.status // 100, answer.status:
        case _, 400 | 405 | 406 | 409 | 413 | 415 | 422:
            failed = FailedTry(error := failures.refused(call, answer), brief=_is_odd(answer, error))
        case _, 401:
            failed = UnauthorizedError(message)
        case _, 402:
            failed = OutOfCreditsError(message)
        case _, 403:
            failed = failures.forbidden(call, answer)
        case _, 404:
            failed = failures.missing(call, answer)
        case _, 408 | 423 | 425:
            failed = FailedTry(TooEarlyError(message), brief=True)
        case _, 429:
            failed = RateLimitedError(message, answer.retry_after)
        case _, 502 | 503 | 504:
            failed = FailedTry(GatewayUnavailableError(message, outcome_unknown=call.writes), brief=True)
        case (3, _) | (_, 407):
            failed = AccountError(f"{message}: sent elsewhere; check the base URL")
        case 4, _:
            failed = failures.unheard_of(message)
        case _:
            failed = GatewayUnavailableError(message, outcome_unknown=call.writes)
    return failed if isinstance(failed, FailedTry) else FailedTry(failed)


def _is_odd(answer: Answer, error: SyncError) -> bool:
    """Return whether a refusal may be chance: Brevo documents neither 409 nor 422, and this one names no reason."""
    return answer.status in {409, 422} and type(error) is RejectedContactError


def _build_client(key: str, base_url: str, pool_size: int) -> Any:  # noqa: ANN401 - the SDK has no types
    configuration = Configuration()
    # Each Configuration of the SDK 7.6.0 adds handlers to these loggers, and each handler prints every line once more.
    for logger in configuration.logger.values():
        logger.removeHandler(configuration.logger_stream_handler)
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_shows_no_query)
    configuration.host = base_url
    configuration.api_key = {"api-key": key}
    configuration.connection_pool_maxsize = pool_size
    client = ApiClient(configuration)
    # By default urllib3 tries a GET, PUT or DELETE up to four times and follows redirects with the key. It sleeps
    # inside the call as Retry-After says. Tried with the SDK 7.6.0, which sets no policy of its own.
    client.rest_client.pool_manager.connection_pool_kw["retries"] = False
    bound_answers(client.rest_client.pool_manager)
    return client


def _pairs(query: Mapping[str, int | str | tuple[int, ...]]) -> Iterator[tuple[str, int | str]]:
    """Yield each name with its value; one of several values once with each."""
    for name, value in query.items():
        yield from ((name, each) for each in (value if isinstance(value, tuple) else (value,)))


def _shows_no_query(record: logging.LogRecord) -> bool:
    return "?" not in record.getMessage()
