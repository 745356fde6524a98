"""What a release gave out or stored is understood by each later one: each value here was made once and stays as it is.

A test that writes and reads back agrees with itself in any form. A link in a mailbox, a tombstone and a stored hash do
not: in another form a link is dead, and an erased person is unknown.
"""

import pytest
from pydantic import SecretStr

from sync_tasks.config.settings import Account
from sync_tasks.domain.contact import EventKey
from sync_tasks.domain.diff import ERASED, FOREIGN, TAKEN, digest
from sync_tasks.domain.opt_outs import mark_of
from sync_tasks.ext_ids import is_erased_ext_id
from sync_tasks.link_tokens import LinkToken, parse_token, write_token
from sync_tasks.providers.brevo.responses import Answer, owner_of
from sync_tasks.state.dead_letters import letter_id
from sync_tasks.state.keys import keyed_hash
from sync_tasks.state.tombstones import SecretHashes
from sync_tasks.sync.accounts import fingerprint

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
