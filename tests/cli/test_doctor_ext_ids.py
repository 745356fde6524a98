"""What ``sync-tasks doctor`` makes of the ``ext_id`` on one page of contacts."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sync_tasks.cli.views import doctor_checks
from sync_tasks.cli.views.doctor_checks import Check, check_ext_ids
from sync_tasks.config.settings import Settings
from sync_tasks.domain.contact import RemoteContact, RemoteState
from sync_tasks.errors import GatewayUnavailableError

SHARED, ALONE = (
    Settings.model_validate({"newsletters": {"daily": {"list_id": 3}}, "contacts": {"ext_id": pattern}})
    for pattern in ("news-{user_id}", "{user_id}")
)
NOBODYS = "another system fills them: set [contacts] ext_id, see docs/how-to/ext-ids.md, or use another account"


def contact(number: int, ext_id: str | None, address: str | None = "ada@portal.org") -> RemoteContact:
    return RemoteContact(number, address, ext_id, frozenset(), {}, None)


class State:
    """Knows Ada, whose contact 7 was written to, and Bea who was erased."""

    seen = RemoteState(7, digest="x")

    def claimant(self, address: str) -> str | None:
        return "ada" if address == "ada@portal.org" else None

    def peek(self, user: str) -> Any:  # noqa: ANN401 - as much of a contact
        return SimpleNamespace(seen={"default": self.seen}) if user == "ada" else None

    def is_erased(self, user: str) -> bool:
        return user == "bea"


def check(settings: Settings, *page: RemoteContact, state: State | None = None) -> Check:
    gateway: Any = SimpleNamespace(read_page=lambda _: SimpleNamespace(contacts=list(page)))
    store: Any = state or State()
    (found,) = check_ext_ids("default", settings, gateway, store)
    assert found.what == "default: ext_id"
    return found


@pytest.mark.parametrize(
    ("settings", "ext_ids", "state", "found", "advised"),
    [
        (ALONE, (), "ok", "every ext_id counts as this portal's", True),
        (ALONE, ("ada", "bea"), "ok", "every ext_id counts as this portal's", True),
        (ALONE, ("ada", "eve", "uma"), "warn", "2 of 3 ext_ids looked at are no user's", True),
        (SHARED, (), "ok", "news-{user_id}; 0 contacts of others are left alone", False),
        (SHARED, ("news-ada", "shop-1"), "ok", "news-{user_id}; 1 contact of others are left alone", False),
        (SHARED, ("news-ada", "news-eve", "shop-1"), "warn", "1 of 2 ext_ids looked at are no user's", True),
    ],
)
def test_an_ext_id_that_is_no_users_is_another_systems(
    settings: Settings, ext_ids: tuple[str, ...], state: str, found: str, *, advised: bool
) -> None:
    page = [contact(number, ext_id) for number, ext_id in enumerate(ext_ids, 20)]
    reported = check(settings, *page)
    assert (reported.state, reported.found, bool(reported.advice)) == (state, found, advised)
    assert (reported.advice == NOBODYS) is (state == "warn")


@pytest.mark.parametrize(("settings", "state"), [(ALONE, "ok"), (SHARED, "warn")])
@pytest.mark.parametrize("empty", [None, ""])
def test_if_not_even_ours_show_an_ext_id_brevo_shows_none(settings: Settings, state: str, empty: str | None) -> None:
    reported = check(settings, contact(7, empty))
    assert (reported.state, reported.found) == (state, "Brevo shows none, not even those that we wrote")
    assert reported.advice.startswith("contacts of other" if state == "warn" else "nothing: contacts are found")
    assert "not even" not in check(settings, contact(7, empty), contact(8, "news-ada")).found


@pytest.mark.parametrize(
    ("remote", "seen", "ours"),
    [
        (contact(7, None), State.seen, True),
        (contact(8, None), State.seen, False),
        (contact(7, None, "eve@portal.org"), State.seen, False),
        (contact(7, None, None), State.seen, False),
        (contact(7, None), replace(State.seen, digest=""), False),
    ],
)
def test_ours_is_whom_the_state_knows_by_address_and_number_and_has_written_to(
    remote: RemoteContact, seen: RemoteState, *, ours: bool
) -> None:
    state = State()
    state.seen = seen
    assert ("not even" in check(ALONE, remote, state=state).found) is ours


def test_one_of_ours_is_looked_for_among_the_first_hundred() -> None:
    strangers = [contact(number, None, "eve@portal.org") for number in range(100, 199)]
    assert "not even" in check(ALONE, *strangers, contact(7, None)).found
    assert "not even" not in check(ALONE, *strangers, strangers[0], contact(7, None)).found
    assert doctor_checks._OURS_LOOKED_FOR == 100


def test_a_page_that_cannot_be_read_is_not_looked_at() -> None:
    def refuse(_number: int) -> None:
        raise GatewayUnavailableError("Brevo is away")

    gateway: Any = SimpleNamespace(read_page=refuse)
    store: Any = State()
    assert list(check_ext_ids("default", ALONE, gateway, store)) == [
        Check("default: ext_id", "warn", "not looked at: GatewayUnavailableError", "Brevo is away")
    ]


@pytest.mark.parametrize(
    ("kind", "wanted", "state", "found", "advice"),
    [
        ("boolean", None, "ok", "CITY, boolean", ""),
        ("boolean", "boolean", "ok", "CITY, boolean", ""),
        ("text", "boolean", "fail", "CITY is text", "make it boolean: Brevo ignores another type in silence"),
        (None, None, "fail", "CITY does not exist", "create CITY at Brevo: it ignores what it does not know"),
        (None, "text", "fail", "CITY does not exist", "create CITY at Brevo as text: it ignores what it does not know"),
    ],
)
def test_an_attribute_is_there_and_of_its_type(
    kind: str | None, wanted: str | None, state: str, found: str, advice: str
) -> None:
    types = {"CITY": kind} if kind else {}
    reported = doctor_checks._check_attribute("x", "CITY", types, wanted)
    assert (reported.state, reported.found, reported.advice) == (state, found, advice)


@pytest.mark.parametrize(("seconds", "state"), [(0.0199, "ok"), (0.02, "warn")])
def test_the_fastest_of_five_answers_of_redis_counts(
    monkeypatch: pytest.MonkeyPatch, seconds: float, state: str
) -> None:
    times = iter([9.0, 8.0, seconds, 7.0, 6.0, 0.0])
    redis: Any = None
    monkeypatch.setattr(doctor_checks, "_time_ping", lambda _: next(times))
    reported = doctor_checks._check_latency(redis)
    assert (reported.state, reported.found) == (state, f"{seconds * 1000:.1f} ms")
    assert next(times) == 0.0
