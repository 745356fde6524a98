"""What a release gave out or stored is understood by each later one: each value here was made once and stays as it is.

A test that writes and reads back agrees with itself in any form. A link in a mailbox, a tombstone and a stored hash do
not: in another form a link is dead, and an erased person is unknown.
"""

import pytest
from pydantic import SecretStr

from sync_tasks.config.settings import Account
from sync_tasks.domain.contact import Block, EventKey, RemoteState
from sync_tasks.domain.diff import ERASED, FOREIGN, TAKEN, digest
from sync_tasks.domain.opt_outs import mark_of
from sync_tasks.domain.registers import consents
from sync_tasks.ext_ids import is_erased_ext_id
from sync_tasks.link_tokens import LinkToken, parse_token, write_token
from sync_tasks.providers.brevo.responses import Answer, owner_of
from sync_tasks.state.codec import dump_seen, load_contact
from sync_tasks.state.dead_letters import letter_id
from sync_tasks.state.keys import keyed_hash
from sync_tasks.state.tombstones import SecretHashes
from sync_tasks.sync.accounts import fingerprint
from tests.support.saying import ADA, BEA, anonymize, key_of, merged, stamp, subscribe, unsubscribe, update

SECRETS = ("a" * 32,)
LINKS = {
    "default..u1.mc018q92yOpHpQ3ejFSPRsFoDhDCKVoX6e4pTX9kMmc": LinkToken("u1", "default"),
    "default.daily.news.u1.LDrL2L2YNrLaxX0lFIOf3cLpG7BQqebZevRP3CGbPis": LinkToken("u1", "default", "daily.news"),
    "sports..~w7xtbMOkdXQ.aTsfEfCerL4FT6dZaPUwc7SJeNd5-HTrSKuvF7I8dUU": LinkToken("ümläut", "sports"),
}


@pytest.mark.parametrize("token", LINKS, ids=["plain", "of one newsletter", "not ASCII"])
def test_a_link_in_a_mailbox_unsubscribes_its_reader(token: str) -> None:
    assert parse_token(token, SECRETS) == LINKS[token]
    # Else each night's comparison would write all contacts anew.
    assert write_token(LINKS[token], SECRETS) == token


def test_a_tombstone_is_found_by_the_hash_of_each_secret() -> None:
    plain, first, second = "4d445fac84633fa4baff37a7", "130be62ffaa835d20b6f4605g", "cd44a331cb5aaeea72159e7fh"
    hashes = SecretHashes(("b" * 32, *SECRETS))
    assert keyed_hash("drawn", "u1") == plain
    assert hashes.names(plain) == f"{plain} 0039503dfc46:{first} d21c7951c301:{second}"
    assert [hashes.renewed(one) for one in (plain, first, second)] == [second] * 3


def test_an_erased_contact_is_known_by_its_ext_id() -> None:
    assert is_erased_ext_id("deleted-50b0f1b28fad53b03ae031d4")


def test_contacts_that_must_not_be_written_to_are_remembered_by_the_same_words() -> None:
    assert (ERASED, FOREIGN, TAKEN) == ("erased", "foreign", "taken")


def test_an_account_is_the_same_as_before() -> None:
    account = Account(api_key=SecretStr("xkeysib-key"), base_url="https://api.brevo.com/v3/")
    assert fingerprint(account) == "9e381c0236a18b75"
    assert owner_of(Answer(200, None, b'{"organization_id": "o1", "email": "x@portal.org"}')) == "2352da7280f1decc"
    assert owner_of(Answer(200, None, b'{"email": "x@portal.org"}')) == "6bbc47b46d308e4d"


def test_what_was_sent_and_reported_last_is_known_again() -> None:
    assert digest({"CITY": "Ulm", "VISITS": 3.0, "NOTE": ""}, "u1") == "336f860e892e"
    assert mark_of("ada@example.com") == "3ca93ad87e0b"
    assert letter_id("u1", EventKey("subscribe_contact", "daily", "1772323200000000")) == "640a353523bf"
    assert letter_id("", EventKey("subscribe_contact", "daily", ""), "task-1") == "b9d86c6150ad"


SAID = {
    "address": "1772323380000000bea@example.com",
    "t:daily": "1772323260000000s",
    "t:weekly": "1772323320000000u",
    "c:weekly": "1772323320000000~",
    "a:first_name": '1772323260000000"Ada"',
    "h:ada@example.com": "1",
}


def test_what_the_portal_said_is_read_from_the_same_fields() -> None:
    events = (subscribe(1, first_name="Ada"), unsubscribe(2, "weekly"), update(3, email=BEA, previous_email=ADA))
    assert merged(*events) == SAID
    contact = load_contact("u1", SAID)
    assert (contact.wished_address, contact.hints, contact.attributes()) == (BEA, (ADA,), {"first_name": "Ada"})
    assert contact.subscriptions() == {"daily": (stamp(1), True), "weekly": (stamp(2), False)}
    assert merged(anonymize(4)) == {"erased": "1772323440000000"}
    assert load_contact("u1", {"erased": "1772323440000000"}).erased
    assert list(consents({"c:daily": '1772323260000000{"source":"form"}'})) == [("daily", '{"source":"form"}')]


SEEN = RemoteState(
    id=7,
    address=ADA,
    lists=frozenset({3, 5}),
    digest="d1ge57",
    block=Block("complaint", stamp(1), (("hard_bounce", stamp(2)),)),
    ended_up_to=stamp(2),
    extra_contact_ids=frozenset({8, 9}),
    read_at=stamp(3),
    foreign_lists=frozenset({6}),
    absent_lists=frozenset({11, 12, 13, 15}),
    unblocked=stamp(4),
    over={"complaint": stamp(1)},
    bounced={"h4sh": stamp(2)},
    ended={3: stamp(5)},
    skipped=frozenset({3}),
    edited=frozenset({"lists"}),
    former=frozenset({4}),
    foreign=frozenset({9}),
    otherwise=("d1ge57",),
)
HELD = {
    "s:default:id": "7",
    "s:default:address": "ada@example.com",
    "s:default:lists": "3,5",
    "s:default:digest": "d1ge57",
    "s:default:block": "complaint:1772323260000000",
    "s:default:floor": "1772323320000000",
    "s:default:spares": "8,9",
    "s:default:strange": "6",
    "s:default:off": "",
    "s:default:unlisted": "11-13,15",
    "s:default:looked": "1772323380000000",
    "s:default:more": '{"bounced":{"h4sh":"1772323320000000"},"edited":["lists"],"ended":{"3":"1772323500000000"},'
    '"foreign":[9],"former":[4],"otherwise":["d1ge57"],"over":{"complaint":"1772323260000000"},"skipped":[3],'
    '"unblocked":"1772323440000000","under":{"hard_bounce":"1772323320000000"}}',
}


def test_what_brevo_is_known_to_hold_is_read_from_the_same_fields() -> None:
    assert dump_seen("default", SEEN) == HELD
    assert load_contact("u1", HELD).seen == {"default": SEEN}


def test_an_event_is_known_again_by_its_name() -> None:
    for event, name in (
        (subscribe(1), "subscribe_contact:daily:1772323260000000"),
        (unsubscribe(2), "unsubscribe_contact:daily:1772323320000000"),
        (update(3), "update_contact::1772323380000000"),
        (anonymize(4), "anonymize_contact::1772323440000000"),
    ):
        assert (str(key_of(event)), EventKey.parse(name)) == (name, key_of(event))
