"""No key and no person's data leaves the gateway sideways: not by logs, errors, tracebacks or pickles."""

import logging
import pickle
import traceback
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sync_tasks.domain.diff import Change
from sync_tasks.errors import ConfigurationError, MissingContactError, SyncError
from sync_tasks.providers.brevo.client import Brevo
from tests.providers.conftest import QUICK
from tests.support.brevo_samples import ADDRESS, HTML, LATIN, MISSING, NAME, NEW, NO_LIST, TAKEN, page, remote
from tests.support.scripted_brevo import DROPPED, HELD, Reply, Script, answer, cut_off, refusing

RENAMED = Change(address=ADDRESS, attributes={"FIRSTNAME": NAME})
SECRETS = [ADDRESS, ADDRESS.split("@", maxsplit=1)[0], NAME, "xkeysib"]
LOUD = ("", "urllib3", "urllib3.connection", "urllib3.connectionpool", "sib_api_v3_sdk", "sib_api_v3_sdk.rest")

TROUBLE = [
    answer(400, TAKEN),
    answer(400, {"code": ADDRESS, "message": ADDRESS}),
    answer(401, {"code": "unauthorized", "message": ADDRESS}),
    answer(403, HTML),
    answer(404, NO_LIST | {"message": ADDRESS}),
    answer(404, HTML),
    answer(425, {"message": ADDRESS}),
    answer(429, LATIN),
    answer(500, HTML, {"X-Echo": ADDRESS}),
    answer(502, LATIN),
    answer(200, HTML),
    answer(301, HTML, {"Location": f"http://127.0.0.1:9/{ADDRESS}"}),
    cut_off(200, HTML),
    Reply(b"HTTP/1.1 200 OK\r\nbroken header line\r\nContent-Length: 2\r\n\r\n{}", last=True),
    DROPPED,
    HELD,
]


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger that could know something is set to speak."""
    before = {name: logging.getLogger(name).level for name in LOUD}
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def play(gateway: Brevo) -> Iterator[SyncError]:
    """Make every call there is, and yield what it fails with."""
    for call in (
        lambda: gateway.create(NEW),
        lambda: gateway.change(42, RENAMED),
        lambda: gateway.read(42),
        lambda: gateway.find_address(ADDRESS),
        lambda: gateway.find_ext_id(NAME),
        lambda: gateway.find_ext_id(f"{NAME}/{ADDRESS}"),
    ):
        try:
            call()
        except SyncError as error:
            yield error


@pytest.mark.parametrize("reply", TROUBLE)
def test_no_trouble_shows_a_person_or_the_key(
    script: Script, hasty: Brevo, reply: Reply, everything_logged: pytest.LogCaptureFixture
) -> None:
    script.says(*[reply] * 40)

    errors = list(play(hasty))

    assert errors
    shown = [everything_logged.text, *map(str, errors), *map(repr, errors)]
    shown += ["".join(traceback.format_exception(error)) for error in errors]
    shown += [pickle.dumps(error).decode("latin-1") for error in errors]
    assert [secret for secret in SECRETS if any(secret in text for text in shown)] == []


@pytest.mark.parametrize("reply", TROUBLE)
def test_no_error_drags_a_vendors_along(script: Script, hasty: Brevo, reply: Reply) -> None:
    script.says(*[reply] * 40)

    for error in play(hasty):
        behind = [error.__context__, error.__cause__]
        assert all(other is None or isinstance(other, SyncError) for other in behind)


def test_a_refused_connection_drags_nothing_along() -> None:
    with refusing() as url:
        gateway = Brevo("xkeysib-secret", base_url=url, patience=QUICK)
        assert [error.__context__ for error in play(gateway)] == [None] * 6


def test_success_logs_no_person_at_debug_level(
    script: Script, gateway: Brevo, everything_logged: pytest.LogCaptureFixture
) -> None:
    script.says(answer(201, {"id": 42}), answer(204), answer(200, remote()))
    script.says(answer(200, remote()), answer(404, MISSING), answer(200, page()))

    assert list(play(gateway)) == []
    assert "PUT /v3/contacts/42" in everything_logged.text
    assert [secret for secret in SECRETS if secret in everything_logged.text] == []


def test_gateways_add_no_log_handlers() -> None:
    loggers = [logging.getLogger(name) for name in ("urllib3", "sib_api_v3_sdk")]
    before = [list(logger.handlers) for logger in loggers]

    gateways = [Brevo(f"xkeysib-{number}") for number in range(3)]

    assert [list(logger.handlers) for logger in loggers] == before
    assert len(logging.getLogger("urllib3.connectionpool").filters) == 1
    assert len(gateways) == 3


@pytest.mark.parametrize("key", ["", " \n", "xkeysib-a\nb", "xkeysib-a b", "xkeysib-ü", "xkeysib-\x00"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigurationError, match="API key") as caught:
        Brevo(key)
    assert "xkeysib" not in str(caught.value)


def test_a_gateway_shows_no_key_and_does_not_pickle(script: Script, gateway: Brevo) -> None:
    assert repr(gateway) == f"<Brevo {script.url}>"
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(gateway)


def test_the_newest_host_is_asked_unless_asked_otherwise() -> None:
    assert repr(Brevo("xkeysib-secret")) == "<Brevo https://api.brevo.com/v3>"


def test_a_text_that_is_not_unicode_is_not_shown(script: Script, gateway: Brevo) -> None:
    with pytest.raises(SyncError, match="Unicode") as caught:
        gateway.find_address(f"{NAME}\ud800@example.com")
    assert caught.value.__context__ is None
    assert script.asked == []


def test_a_missing_contact_is_reported_by_number_alone(script: Script, gateway: Brevo) -> None:
    script.says(answer(404, MISSING))

    with suppress(MissingContactError):
        gateway.change(42, RENAMED)
    assert ADDRESS not in script.asked[0].target
