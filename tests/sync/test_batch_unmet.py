"""People whom the state does not know, at an account older than it: the account's pages show many at once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sync_tasks.ext_ids import erased_ext_id, make_token
from sync_tasks.providers import ShownContact
from sync_tasks.providers.brevo.operations import Operations
from sync_tasks.sandbox import Sandbox
from sync_tasks.sync import address_pages
from tests.support.batching import SHORT, BatchingLimiter
from tests.support.pipeline import MakePipeline, Pipeline, address_of

LOOK, PAGE, CHANGE = "GET /v3/contacts/{address}", "GET /v3/contacts", "PUT /v3/contacts/{id}"
COUNT = 30
PEOPLE = [f"user-{number}" for number in range(COUNT)]
VERBS = ("update", "unsubscribe")


@pytest.fixture
def readers(make_pipeline: MakePipeline, brevo: Sandbox) -> Pipeline:
    """A batch at each request, of people whom Brevo alone knows: nobody has an ``ext_id`` yet."""
    brevo.settings.import_seconds = SHORT / 3
    batched = make_pipeline(BatchingLimiter)
    batched.store.first_times("default", ["FIRSTNAME", "LASTNAME", "DAILY_UNSUBSCRIBED"])
    for user_id in PEOPLE:
        add(batched, user_id)
    return batched


def add(readers: Pipeline, user_id: str, **more: Any) -> int:
    """Put a contact into Brevo that is older than the pipeline, and return its id."""
    row = {"email": address_of(user_id), "attributes": {"FIRSTNAME": "Ada"}, "listIds": [5, 9]} | more
    (number,) = readers.brevo.add_contacts([row])
    return number


def id_of(brevo: Sandbox, address: str) -> int:
    return next(int(str(row["id"])) for row in brevo.contacts() if row.get("email") == address)


def say_all(readers: Pipeline, verb: str) -> None:
    said = {"first_name": "Augusta"} if verb == "update" else {"newsletter": "weekly"}
    for user_id in PEOPLE:
        getattr(readers, verb)(user_id, email=address_of(user_id), **said)


def counted(requests: list[str]) -> list[str]:
    return [LOOK if "%40" in request else request for request in requests]


def assert_all_done(readers: Pipeline, verb: str, people: list[str]) -> None:
    for user_id in people:
        held = readers.held(user_id)
        assert held["attributes"]["FIRSTNAME"] == ("Augusta" if verb == "update" else "Ada")
        assert set(held["listIds"]) == ({5, 9} if verb == "update" else {9})


@pytest.mark.parametrize("verb", VERBS)
def test_many_unknown_people_costs_one_page_and_a_write_each(readers: Pipeline, verb: str) -> None:
    say_all(readers, verb)

    with readers.requests() as requests:
        readers.work()

    assert counted(requests).count(PAGE) == 1
    assert LOOK not in counted(requests)
    assert len(requests) <= COUNT * 1.1, requests
    assert requests.count("POST /v3/contacts/lists/5/contacts/remove") == (verb == "unsubscribe")
    assert_all_done(readers, verb, PEOPLE)


@pytest.mark.parametrize("shown", ["attribute", "field", "nowhere"])
def test_that_holds_wherever_brevo_shows_the_ext_id(readers: Pipeline, shown: str) -> None:
    readers.brevo.quirks.ext_id_shown = shown  # type: ignore[assignment]
    readers.brevo.edit(address_of(PEOPLE[7]), {"ext_id": PEOPLE[7]})
    say_all(readers, "update")

    with readers.requests() as requests:
        readers.work()

    assert len(requests) <= COUNT * 1.1, requests
    assert_all_done(readers, "update", PEOPLE)


def test_whom_brevo_writes_in_capitals_is_found_on_a_page(readers: Pipeline) -> None:
    readers.brevo.account.contacts[1].email = address_of(PEOPLE[0]).upper()
    say_all(readers, "update")

    with readers.requests() as requests:
        readers.work()

    assert LOOK not in counted(requests)
    assert_all_done(readers, "update", PEOPLE)


def test_a_blocked_person_is_looked_at_alone_for_a_page_shows_no_reason(readers: Pipeline) -> None:
    readers.brevo.act("complain", address_of(PEOPLE[3]))
    say_all(readers, "update")

    with readers.requests() as requests:
        readers.work()

    assert counted(requests).count(LOOK) == 1
    block = readers.state(PEOPLE[3]).seen["default"].block
    assert block is not None
    assert block.kind == "complaint"
    assert readers.held(PEOPLE[3])["emailBlacklisted"]
    assert_all_done(readers, "update", PEOPLE)


def test_who_is_on_no_page_is_looked_for_alone(readers: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    shift_pages(monkeypatch, without=address_of(PEOPLE[3]))
    say_all(readers, "unsubscribe")

    with readers.requests() as requests:
        readers.work()

    assert counted(requests).count(LOOK) == 1
    assert_all_done(readers, "unsubscribe", PEOPLE)


def test_an_address_that_pages_show_twice_is_looked_for_alone(
    readers: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contact of page 1 gave up the address, and the one of page 2 took it, while the pages were read."""
    brevo, address = readers.brevo, address_of(PEOPLE[3])
    old = id_of(brevo, address)

    def move() -> None:
        brevo.edit(old, {"attributes": {"EMAIL": "elsewhere@portal.org"}})
        brevo.add_contacts([{"email": address, "listIds": [5]}])

    shift_pages(monkeypatch, meanwhile=move, twice=True)
    say_all(readers, "unsubscribe")

    with readers.requests() as requests:
        readers.work()

    assert counted(requests).count(LOOK) == 1
    assert brevo.contact(old)["listIds"] == [5, 9]
    assert brevo.contact(address)["listIds"] == []
    assert brevo.contact(address)["ext_id"] == PEOPLE[3]


def test_who_moves_after_the_page_stays_the_person_of_that_contact(
    readers: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page proved whose the contact is; whoever has the address later is somebody else, as after any look."""
    brevo, address = readers.brevo, address_of(PEOPLE[3])
    old = id_of(brevo, address)

    def move() -> None:
        brevo.edit(old, {"attributes": {"EMAIL": "elsewhere@portal.org"}})
        brevo.add_contacts([{"email": address, "listIds": [5]}])

    shift_pages(monkeypatch, meanwhile=move)
    say_all(readers, "unsubscribe")
    readers.work()

    assert brevo.contact(old)["listIds"] == [9]
    assert brevo.contact(address)["listIds"] == [5]
    assert brevo.contact(address).get("ext_id") is None


def test_pages_that_fail_each_time_keep_nobody_waiting(readers: Pipeline) -> None:
    readers.brevo.add_fault("status", status=524, html=True, method="GET", path="/v3/contacts$")
    say_all(readers, "update")

    with readers.requests() as requests:
        readers.work()

    assert counted(requests).count(LOOK) == COUNT
    assert_all_done(readers, "update", PEOPLE)


def test_an_account_of_too_many_pages_is_asked_for_one_of_them_at_most(readers: Pipeline) -> None:
    readers.brevo.add_contacts({"email": f"reader-{number}@portal.org"} for number in range(3_000))
    say_all(readers, "update")
    with readers.requests() as requests:
        readers.work()
    assert counted(requests).count(PAGE) == 1
    assert counted(requests).count(LOOK) == COUNT

    others = [f"later-{number}" for number in range(20)]
    for user_id in others:
        add(readers, user_id)
        readers.update(user_id, email=address_of(user_id), first_name="Augusta")
    with readers.requests() as requests:
        readers.work()
    assert PAGE not in requests
    assert_all_done(readers, "update", [*PEOPLE, *others])


def test_a_few_people_are_looked_for_alone(readers: Pipeline) -> None:
    for user_id in PEOPLE[:9]:
        readers.update(user_id, email=address_of(user_id), first_name="Augusta")

    with readers.requests() as requests:
        readers.work()

    assert counted(requests).count(LOOK) == len(PEOPLE[:9])
    assert PAGE not in requests


@pytest.mark.parametrize("held", [True, False])
def test_one_reads_the_pages_for_all(readers: Pipeline, *, held: bool) -> None:
    """Two processes that share them would have too few people each for the pages."""
    lock = readers.resources.limiter.page_lock("default")
    assert not held or lock.acquire()
    say_all(readers, "update")

    with readers.requests() as requests:
        readers.sync(PEOPLE[0])

    assert counted(requests) == ([] if held else [PAGE, CHANGE])
    assert lock.is_held() is held


# What may be odd about a contact at Brevo or about its address, beside many where nothing is.
ODD = ("blocked", "own ext_id", "ext_id of another", "claimed", "gone", "anonymized", "former ext_id")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("shown", "pattern"), [("attribute", "{user_id}"), ("nowhere", "{user_id}"), ("attribute", "portal-{user_id}")]
)
def test_a_page_leads_to_what_a_look_at_each_leads_to(
    make_pipeline: MakePipeline, brevo: Sandbox, monkeypatch: pytest.MonkeyPatch, *, verb: str, shown: str, pattern: str
) -> None:
    came_to = []
    for people_a_page in (address_pages.PEOPLE_A_PAGE, 10**9):
        monkeypatch.setattr(address_pages, "PEOPLE_A_PAGE", people_a_page)
        brevo.reset()
        brevo.quirks.ext_id_shown = shown  # type: ignore[assignment]
        batched = make_pipeline(BatchingLimiter, contacts={"ext_id": pattern, "former_ext_ids": ["old-{user_id}"]})
        batched.store.redis.flushall()
        make_odd(batched, pattern)
        say_all(batched, verb)
        with batched.requests() as requests:
            batched.work()
        came_to.append((picture(batched), len(requests)))

    (paged, fewer), (alone, more) = came_to
    assert paged == alone
    assert fewer < more - COUNT / 2


def make_odd(readers: Pipeline, pattern: str) -> None:
    """Let the first people be odd, each in another way."""
    brevo, (blocked, own, another, claimed, gone, anonymized, former) = readers.brevo, PEOPLE[: len(ODD)]
    readers.subscribe("eve", "daily", first_name="Eve")
    readers.subscribe("bob", "daily", email=address_of(claimed))
    readers.work()
    for user_id in PEOPLE:
        if user_id not in {gone, claimed}:
            add(readers, user_id)
    brevo.act("unsubscribe", address_of(blocked))
    brevo.edit(address_of(own), {"ext_id": pattern.format(user_id=own)})
    brevo.edit(address_of("eve"), {"attributes": {"EMAIL": "eve@elsewhere.org"}, "ext_id": "nobody"})
    brevo.edit(address_of(another), {"ext_id": pattern.format(user_id="eve")})
    token = erased_ext_id(make_token())
    brevo.edit(address_of(anonymized), {"ext_id": token})
    brevo.edit(address_of(former), {"ext_id": f"old-{former}"})


def picture(readers: Pipeline) -> object:
    """Return what Brevo holds and what became of the events, without what chance drew."""
    fields = ("email", "emailBlacklisted", "listIds", "attributes")
    held = dict[object, dict[str, Any]]()
    for row in readers.brevo.contacts():
        ext_id = str(row.get("ext_id"))
        shown: dict[str, Any] = {name: row[name] for name in fields}
        shown |= {"ext_id": ext_id[:7] if "deleted" in ext_id else ext_id}
        held[row["id"]] = shown | {"attributes": {**shown["attributes"], "EXT_ID": ""}}
    letters = sorted((letter.user_id, letter.task, letter.error) for letter in readers.letters())
    return held, letters


def shift_pages(
    monkeypatch: pytest.MonkeyPatch,
    *,
    without: str = "",
    meanwhile: Callable[[], None] = lambda: None,
    twice: bool = False,
) -> None:
    """Let the pages lack somebody, or let something happen once they were read; ``twice``: and read them on."""
    whole = Operations.all_contacts

    def shifted(self: Operations, most: int) -> Iterator[ShownContact]:
        yield from (remote for remote in whole(self, most) if remote.address != without)
        meanwhile()
        if twice:
            yield from whole(self, most)

    monkeypatch.setattr(Operations, "all_contacts", shifted)
