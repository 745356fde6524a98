"""The control desk under ``/_sandbox/``, the page at ``/`` and what they change."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from sync_tasks.sandbox import Sandbox, SandboxSettings
from sync_tasks.sandbox.server import ServedSandbox, is_from_elsewhere, serving
from tests.support.sandbox_clock import Clock


class Desk:
    """A client of the control desk; ``brevo`` is the sandbox behind it."""

    def __init__(self, served: ServedSandbox, pool: urllib3.PoolManager) -> None:
        self.brevo = served.sandbox
        self._origin = served.origin
        self._pool = pool

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Return status and body; no key is sent."""
        sent = None if body is None else json.dumps(body)
        answer = self._pool.request(method, f"{self._origin}{path}", body=sent)
        kind = answer.headers.get("content-type", "")
        return answer.status, answer.json() if kind == "application/json" else answer.data.decode()


@pytest.fixture
def desk(settings: SandboxSettings, clock: Clock) -> Iterator[Desk]:
    with serving(sandbox=Sandbox(settings, clock)) as served, urllib3.PoolManager(retries=False, timeout=5) as pool:
        yield Desk(served, pool)


@pytest.fixture
def anna(desk: Desk) -> int:
    return desk.brevo.add_contacts([{"email": "anna@portal.org", "ext_id": "u-1", "listIds": [3]}])[0]


def test_faults_are_put_added_shown_and_switched_off(desk: Desk) -> None:
    desk.ask("PUT", "/_sandbox/faults", [{"kind": "status", "status": 503}, {"kind": "drop", "method": "PUT"}])
    struck = desk.brevo.request("GET", "/contacts").status
    desk.ask("POST", "/_sandbox/faults", {"kind": "late", "seconds": 9})
    _, shown = desk.ask("GET", "/_sandbox/faults")
    _, after_one = desk.ask("DELETE", f"/_sandbox/faults/{shown['faults'][0]['id']}")
    _, replaced = desk.ask("PUT", "/_sandbox/faults", {"faults": [{"kind": "waf"}]})
    _, after_all = desk.ask("DELETE", "/_sandbox/faults")

    assert struck == 503
    assert [(fault["kind"], fault["hits"]) for fault in shown["faults"]] == [("status", 1), ("drop", 0), ("late", 0)]
    assert [fault["kind"] for fault in after_one["faults"]] == ["drop", "late"]
    assert [fault["kind"] for fault in replaced["faults"]] == ["waf"]
    assert after_all == {"faults": []}


def test_quirks_are_changed_one_by_one(desk: Desk) -> None:
    status, quirks = desk.ask("PUT", "/_sandbox/quirks", {"null_clears": False, "too_early_seconds": 2})

    assert (status, quirks["null_clears"], quirks["import_lifts_blocklist"]) == (200, False, True)
    assert desk.brevo.quirks.too_early_seconds == 2
    assert desk.ask("GET", "/_sandbox/quirks") == (200, quirks)


def test_limits_are_changed_and_count_what_they_refused(desk: Desk) -> None:
    desk.ask("PUT", "/_sandbox/limits", {"enabled": True, "contacts_per_second": 1})
    statuses = [desk.brevo.request("GET", "/contacts").status for _ in range(3)]

    assert statuses == [200, 429, 429]
    assert desk.ask("GET", "/_sandbox/limits")[1]["refused"] == 2


def test_settings_are_changed_and_keys_are_not_shown(desk: Desk) -> None:
    _, shown = desk.ask("PUT", "/_sandbox/settings", {"accepted_keys": ["good"], "import_seconds": 0.5})

    assert shown == {"accepted_keys": 1, "import_seconds": 0.5}
    assert desk.brevo.request("GET", "/contacts", key="bad").status == 401
    assert desk.brevo.request("GET", "/contacts", key="good").status == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/faults", {"kind": "earthquake"}),
        ("PUT", "/faults", {"kind": "drop", "speed": 1}),
        ("PUT", "/faults", ["drop"]),
        ("PUT", "/quirks", {"unknown": True}),
        ("PUT", "/quirks", {"null_clears": "no"}),
        ("PUT", "/quirks", {"import_outcome": "lost"}),
        ("PUT", "/limits", {"contacts_per_second": True}),
        ("PUT", "/settings", {"lists": {}}),
        ("PUT", "/settings", {"import_seconds": "long"}),
        ("POST", "/contacts", {"contacts": 1}),
        ("POST", "/contacts", {"contacts": [{"email": "nonsense"}]}),
        ("POST", "/contacts/1/dance", None),
        ("POST", "/contacts/1/edit", {"ext_id": "u-2"}),
        ("GET", "/history?contact=x", None),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_message(
    desk: Desk, anna: int, method: str, path: str, body: object
) -> None:
    desk.brevo.add_contacts([{"ext_id": "u-2"}])

    status, answer = desk.ask(method, f"/_sandbox{path}", body)

    assert status == 400
    assert answer["message"]
    assert [each["id"] for each in desk.brevo.contacts()] == [anna, anna + 1]


def test_requests_and_history_are_shown(desk: Desk, anna: int) -> None:
    desk.brevo.request("PUT", f"/contacts/{anna}", {"listIds": [5]})
    desk.brevo.request("GET", "/contacts/99")

    _, journal = desk.ask("GET", "/_sandbox/requests?after=1")
    _, history = desk.ask("GET", f"/_sandbox/history?contact={anna}")

    assert (journal["total"], journal["statuses"]) == (2, {"204": 1, "404": 1})
    assert [request["path"] for request in journal["requests"]] == ["/v3/contacts/99"]
    assert [entry["what"] for entry in history["history"]] == ["created", "joined", "joined"]


@pytest.mark.parametrize("act", ["unsubscribe", "bounce", "complain"])
def test_a_person_at_brevo_acts_and_the_outbox_shows_it(desk: Desk, anna: int, act: str) -> None:
    status, contact = desk.ask("POST", f"/_sandbox/contacts/{anna}/{act}")

    assert (status, contact["emailBlacklisted"]) == (200, True)
    assert desk.ask("GET", "/_sandbox/outbox")[1]["events"][-1]["payload"]["email"] == "anna@portal.org"


def test_a_person_at_brevo_edits_and_deletes(desk: Desk, anna: int) -> None:
    edited = desk.ask("POST", "/_sandbox/contacts/anna@portal.org/edit", {"attributes": {"EMAIL": "ann@portal.org"}})
    deleted = desk.ask("POST", f"/_sandbox/contacts/{anna}/delete")

    assert (edited[0], edited[1]["email"]) == (200, "ann@portal.org")
    assert deleted == (204, "")
    assert desk.ask("POST", f"/_sandbox/contacts/{anna}/delete")[0] == 404


def test_contacts_are_put_in_and_dumped_in_pages(desk: Desk) -> None:
    rows = [{"email": f"c{number}@portal.org", "emailBlacklisted": number == 1} for number in range(3)]

    assert desk.ask("POST", "/_sandbox/contacts", {"contacts": rows}) == (200, {"ids": [1, 2, 3]})
    _, everything = desk.ask("GET", "/_sandbox/contacts")
    _, page = desk.ask("GET", "/_sandbox/contacts?offset=1&limit=1")
    assert everything["count"] == len(everything["contacts"]) == 3
    assert [(each["id"], each["emailBlacklisted"]) for each in page["contacts"]] == [(2, True)]
    assert desk.ask("POST", "/_sandbox/contacts", {"contacts": rows})[0] == 400


def test_a_reset_begins_anew_as_configured(desk: Desk, anna: int) -> None:
    desk.brevo.add_fault("drop")
    desk.brevo.quirks.null_clears = False
    desk.brevo.settings.import_seconds = 99

    assert desk.ask("POST", "/_sandbox/reset")[0] == 204
    assert (list(desk.brevo.faults), desk.brevo.contacts(), list(desk.brevo.history.entries())) == ([], [], [])
    assert (desk.brevo.quirks.null_clears, desk.brevo.settings.import_seconds) == (True, 1.0)
    assert desk.brevo.request("POST", "/contacts", {"email": "new@portal.org"}).json() == {"id": anna}


def test_the_page_needs_nothing_from_elsewhere(desk: Desk) -> None:
    status, page = desk.ask("GET", "/")

    assert status == 200
    assert "<title>Brevo sandbox</title>" in page
    assert "http://" not in page
    assert "https://" not in page


def test_the_overview_shows_a_page_of_contacts_the_newest_first(desk: Desk) -> None:
    desk.brevo.add_contacts({"email": f"c{number}@portal.org", "listIds": [3]} for number in range(120))
    desk.brevo.add_fault("waf", method="PATCH")
    desk.brevo.quirks.null_clears = False
    desk.brevo.request("GET", "/contacts/7")

    _, first = desk.ask("GET", "/_sandbox/overview")
    _, last = desk.ask("GET", "/_sandbox/overview?offset=100")
    _, found = desk.ask("GET", "/_sandbox/overview?find=C11")

    assert [each["id"] for each in first["contacts"]] == list(range(120, 70, -1))
    assert [each["id"] for each in last["contacts"]] == list(range(20, 0, -1))
    assert (found["count"], found["total"], found["contacts"][-1]["id"]) == (11, 120, 12)
    assert first["lists"][0]["uniqueSubscribers"] == 120
    assert [fault["kind"] for fault in first["faults"]] == ["waf"]
    assert first["quirks"] == {"null_clears": False}
    assert [request["path"] for request in first["requests"]] == ["/v3/contacts/7"]


def test_an_empty_sandbox_has_an_overview_too(desk: Desk) -> None:
    _, overview = desk.ask("GET", "/_sandbox/overview?offset=x")

    assert (overview["contacts"], overview["count"], overview["requests"]) == ([], 0, [])


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/contacts", {"contacts": {}}, "'contacts' should be a list"),
        ("/contacts", [], "a JSON object is expected"),
        ("/contacts", {"contacts": ["anna"]}, "a JSON object is expected"),
        ("/contacts/1/unsubscribe", {"list_id": "3"}, "'list_id' should be a number"),
        ("/contacts/1/dance", None, "unknown act; known: edit, unsubscribe, bounce, complain, delete"),
        ("/campaigns", {"list_id": 3}, "'list_id' should be a number, and 'text' a text"),
        ("/campaigns", {"text": "Hi"}, "'list_id' should be a number, and 'text' a text"),
        ("/campaigns", "Hi", "a JSON object is expected"),
    ],
)
def test_an_order_that_makes_no_sense_is_answered_in_words(
    desk: Desk, anna: int, path: str, body: object, message: str
) -> None:
    assert anna == 1
    assert desk.ask("POST", f"/_sandbox{path}", body) == (400, {"message": message})


def test_a_campaign_shows_its_mails_and_an_opt_out_from_one_list_is_skipped(desk: Desk, anna: int) -> None:
    bert = desk.brevo.add_contacts([{"email": "bert@portal.org", "listIds": [3]}])[0]
    skipped = desk.ask("POST", f"/_sandbox/contacts/{bert}/unsubscribe", {"list_id": 3})
    mails = desk.ask("POST", "/_sandbox/campaigns", {"list_id": 3, "text": "Dear {{ contact.EMAIL }}"})

    assert (skipped[0], skipped[1]["listUnsubscribed"], skipped[1]["emailBlacklisted"]) == (200, [3], False)
    assert mails == (200, {"mails": [{"to": "anna@portal.org", "text": "Dear anna@portal.org"}]})
    assert desk.ask("GET", "/_sandbox/contacts?limit=1")[1]["contacts"][0]["id"] == anna
    assert desk.ask("GET", f"/_sandbox/history?contact={bert}")[1]["history"][-1]["what"] == "skipped"


@pytest.mark.parametrize(
    ("method", "headers", "elsewhere"),
    [
        ("POST", {}, False),
        ("POST", {"origin": "http://127.0.0.1:8025", "host": "127.0.0.1:8025"}, False),
        ("POST", {"origin": "https://portal.org", "host": "127.0.0.1:8025"}, True),
        ("POST", {"origin": "null", "host": "127.0.0.1:8025"}, True),
        ("POST", {"sec-fetch-site": "same-origin"}, False),
        ("POST", {"sec-fetch-site": "none"}, False),
        ("POST", {"sec-fetch-site": "cross-site"}, True),
        ("DELETE", {"sec-fetch-site": "same-site"}, True),
        ("GET", {"origin": "https://portal.org", "sec-fetch-site": "cross-site"}, False),
        ("HEAD", {"sec-fetch-site": "cross-site"}, False),
    ],
)
def test_only_its_own_page_and_programs_give_orders(method: str, headers: dict[str, str], *, elsewhere: bool) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]

    assert is_from_elsewhere({"type": "http", "method": method, "headers": pairs}) is elsewhere
