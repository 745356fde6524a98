"""Every format Brevo is known to send, and many it is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_tasks.providers.brevo.webhook_events import _STRUCTURE, Incoming, read_event, read_rows
from tests.support.receiving import ANNA

SAMPLES = """
{"id": 2152074, "event": "unsubscribe", "email": "Contact@Example.com", "list_id": [3, 42], "ts": 1787655900}
{"id": 1, "email": "contact@example.com", "event": "unsubscribed", "ts_event": 1604933737, "ts": 1604937337}
{"id": 2, "event": "contact_updated", "email": "contact@example.com", "date": "", "ts": 1787655849, "content": [{}]}
{"id": 3, "event": "contact_deleted", "email": ["contact@example.com"], "date": "2026-08-25T11:04:17.82511Z"}
{"id": 4, "event": "list_addition", "email": "contact@example.com", "list_id": [2], "date": "?", "ts": "1787655747"}
""".strip().splitlines()
KINDS = ["unsubscribed", "unsubscribed", "", "", ""]
MOMENTS = [1787655900000000, 1604933737000000, 1787655849000000, 1787655857825110, 1787655747000000]


def read(**fields: object) -> Incoming:
    event = read_event({"event": "unsubscribe", "email": ANNA} | fields)
    assert isinstance(event, Incoming)
    return event


@pytest.mark.parametrize(("text", "kind", "moment"), list(zip(SAMPLES, KINDS, MOMENTS, strict=True)))
def test_what_brevo_is_known_to_send_is_understood(text: str, kind: str, moment: int) -> None:
    event = read_event(json.loads(text))
    assert isinstance(event, Incoming)
    assert event.addresses == ("contact@example.com",)
    assert (event.kind, event.moment) == (kind, str(moment))


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("unsubscribed", "unsubscribe", "UNSUBSCRIBED"), "unsubscribed"),
        (("hard_bounced", "hard_bounce", "hardBounce", "hardBounced"), "hard_bounce"),
        (("spam", "complaint"), "complaint"),
        (("list_addition", "listAddition", "contact_updated", "contactUpdated", "contact_deleted"), ""),
    ],
)
def test_both_spellings_mean_the_same(names: tuple[str, ...], kind: str) -> None:
    assert {read(event=name).kind for name in names} == {kind}


@pytest.mark.parametrize("name", ["opened", "click", "soft_bounce", "softBounced", "delivered", "", "unknown"])
def test_other_kinds_say_nothing_to_us(name: str) -> None:
    assert read_event({"event": name, "email": ANNA}) == "ignored"


NO_ADDRESSES: list[object] = [None, 5, {}, [], "no address", "a@b\ud800", "x" * 255 + "@y"]
NO_EVENTS: list[object] = [None, 5, [], {}, {"event": None}, {"event": ["unsubscribe"]}, {"event": "spam"}]


@pytest.mark.parametrize("row", NO_EVENTS + [{"event": "spam", "email": one} for one in NO_ADDRESSES], ids=range(14))
def test_what_names_no_contact_is_malformed(row: object) -> None:
    assert read_event(row) == "malformed"


def test_every_address_an_event_names_is_looked_at_once() -> None:
    content = [{"email": ANNA, "attributes": {"EMAIL": "new@portal.org"}}, 5, {"attributes": None}]
    event = read(event="contact_updated", email=[ANNA, f" {ANNA.upper()} ", "old@portal.org"], content=content)
    assert event.addresses == (ANNA, "old@portal.org", "new@portal.org")


@pytest.mark.parametrize("ids", [[2, "3", True, None, {}, -1, 0, "x", "9" * 5000], ["3", 2]])
def test_lists_may_be_numbers_or_texts(ids: list[object]) -> None:
    assert read(event="list_addition", list_id=ids).joined == {2, 3}
    assert read(event="list_addition", list_id=7).joined == {7}
    assert read(event="unsubscribe", list_id=ids).joined == frozenset()


@pytest.mark.parametrize(("name", "ended"), [("unsubscribed", {2}), ("spam", set()), ("list_addition", set())])
def test_only_an_unsubscription_ends_lists(name: str, ended: set[int]) -> None:
    assert read(event=name, list_id=[2]).opted_out == ended


@pytest.mark.parametrize(("said", "name"), [("ours", "ours"), (None, ""), (5, ""), ([], "")])
def test_the_name_of_a_key_is_a_text(said: object, name: str) -> None:
    assert read(api_key_name=said).api_key_name == name


def test_an_event_that_comes_again_is_the_same_whatever_the_order_and_the_webhook() -> None:
    first = read(id=1, ts=5, date="x").report
    assert read(date="x", ts=5, id=2).report == first
    assert read(date="x", ts=6, id=1).report != first


@pytest.mark.parametrize(
    "moments",
    [
        *({"ts": value} for value in (None, "soon", float("nan"), float("inf"), 10**400, 10**14, -5)),
        *({"date": value} for value in ("2026-08-25 11:05:00", "9999-12-31T00:00:00Z", 5)),
        {"ts_event": [], "ts": {}},
        {},
    ],
    ids=range(12),
)
def test_a_moment_that_makes_no_sense_is_none(moments: dict[str, object]) -> None:
    assert not read(**moments).moment


def test_a_moment_may_be_in_milliseconds() -> None:
    assert read(ts_event=1_604_933_737_000).moment == read(ts_event="1604933737").moment == "1604933737000000"


def test_a_body_is_one_event_or_an_array_of_them() -> None:
    assert read_rows(b'{"event": "spam"}') == [{"event": "spam"}]
    assert read_rows(b'[{"event": "spam"}, 5]') == [{"event": "spam"}, 5]
    assert (read_rows(b'"spam"'), read_rows(b"{"), read_rows(b"\xff")) == (None, None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(("email", "attributes")), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(("event", "email", "content", "list_id", "ts", "ts_event", "date", "api_key_name"))


@given(st.binary() | JSON.map(lambda document: json.dumps(document).encode()))
def test_whatever_the_body_it_is_read_or_refused(body: bytes) -> None:
    rows = read_rows(body)
    assert rows is None or isinstance(rows, list)


@given(st.dictionaries(NAMES, JSON).map(lambda row: {"event": "unsubscribe", "email": ANNA} | row) | JSON)
def test_whatever_the_event_it_is_understood_or_named(row: object) -> None:
    event = read_event(row)
    assert event in {"malformed", "ignored"} if isinstance(event, str) else event.addresses


def test_an_event_may_name_thousands_and_its_report_is_short() -> None:
    addresses = [f"u{number}@portal.org" for number in range(5_000)]
    event = read(event="contact_deleted", email=addresses)
    assert event.addresses == tuple(addresses)
    assert len(event.report) < 100
    assert event.report != read(event="contact_deleted", email=addresses[1:]).report


@pytest.mark.parametrize(
    "name",
    [
        "unsubscribedFromAll",
        "list_unsubscribed",
        "optOut",
        "opted_out",
        "hard_bounces",
        "spamComplaint",
        "spammed",
        "complained",
        "blocked",
        "contactMerged",
        "listRemoval",
    ],
)
def test_an_unheard_kind_that_may_be_about_an_opt_out_or_a_contact_is_looked_at(name: str) -> None:
    assert read(event=name).kind == ""


GOOD = '{"event": "unsubscribed", "email": "a@portal.org", "note": "a [ \\" b"}'


@pytest.mark.parametrize("bad", ["[" * 100_000 + "]" * 100_000, '{"event": ' * 50_000 + "1" + "}" * 50_000, "9" * 5000])
def test_what_is_too_deep_or_too_long_spoils_no_neighbour(bad: str) -> None:
    rows = read_rows(f"[{GOOD}, {bad}, {GOOD}]".encode())
    assert rows is not None
    assert [type(read_event(row)) for row in rows] == [Incoming, str, Incoming]
    assert read_rows(bad.encode()) in ([None], None)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_what_is_too_deep_spoils_no_neighbour_however_it_is_written(encoding: str) -> None:
    rows = read_rows(f"[{GOOD}, {'[' * 100_000}{']' * 100_000}, {GOOD}]".encode(encoding))
    assert rows is not None
    assert [type(read_event(row)) for row in rows] == [Incoming, str, Incoming]


def test_a_text_without_its_end_is_gone_through_once() -> None:
    marks = '\\"' * 3
    assert read_rows(f'[{"[" * 100_000}"{marks}'.encode()) is None
    assert _STRUCTURE.findall(f'["{marks}[') == ["[", f'"{marks}[']


@pytest.mark.parametrize("odd", [True, 1, "1", 0.5, 1_604_933])
def test_a_moment_before_brevo_was_founded_is_none(odd: object) -> None:
    event = read_event({"event": "unsubscribed", "email": "a@portal.org", "ts_event": odd, "ts": 1_787_655_900})
    assert isinstance(event, Incoming)
    assert event.moment == "1787655900000000"


def test_an_event_that_is_nearly_too_deep_is_malformed_or_read() -> None:
    for depth in range(100, 1100, 20):
        rows = read_rows(
            f'[{{"event": "unsubscribed", "email": "a@portal.org", "x": {"[" * depth}{"]" * depth}}}]'.encode()
        )
        assert rows is not None
        assert isinstance(read_event(rows[0]), Incoming) or read_event(rows[0]) == "malformed"


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("2011-12-31T23:59:59.999999Z", ""),
        ("2012-01-01T00:00:00Z", "1325376000000000"),
        ("2199-12-31T23:59:59Z", "7258118399000000"),
        ("2200-01-01T00:00:00Z", ""),
    ],
)
def test_a_moment_counts_from_the_founding_of_brevo_to_the_far_future(date: str, moment: str) -> None:
    assert read(date=date).moment == moment


@pytest.mark.parametrize(("fields", "surest"), [(("ts_event", "ts", "date"), "ts_event"), (("ts", "date"), "ts")])
def test_of_several_moments_the_surest_counts(fields: tuple[str, ...], surest: str) -> None:
    said = {"date": "2026-08-25T11:05:02+00:00", "ts": 1_787_655_901, "ts_event": 1_787_655_900}
    both = {field: said[field] for field in said if field in fields}
    assert read(**both).moment == read(**{surest: said[surest]}).moment
