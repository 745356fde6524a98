"""One normal form: what looks the same is the same, and what nobody can see is nowhere."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_tasks.domain.events import Event, Subscribe, Unsubscribe, Update, is_shown, parse_event
from sync_tasks.errors import InvalidEventError
from sync_tasks.texts import (
    escaped,
    impersonal,
    is_address,
    is_international,
    known_address,
    normal_address,
    normal_id,
    normal_text,
    unicode_address,
)

INVISIBLE = ["\u200b", "\u00ad", "\u2060", "\u202e", "\x07", "\ue000", "\U000e0041", "\ufffd", "\u3164", "\u0378"]


@pytest.mark.parametrize("around", [" ", "\u00a0", "\ufeff", "\u200b", "\u202a", "\u2003", "\r\n", "\t\u200f "])
def test_what_stands_around_an_id_an_address_a_slug_or_a_name_is_trimmed(around: str) -> None:
    said = {"user_id": "u1", "newsletter": "daily", "email": "ada@portal.org", "first_name": "Ada"}
    padded = {name: f"{around}{value}{around}" for name, value in said.items()}
    assert parse_event(Subscribe, padded) == parse_event(Subscribe, said)


@pytest.mark.parametrize("character", INVISIBLE)
def test_what_nobody_can_see_is_refused_inside_an_id_and_an_address_and_only_its_number_is_reported(
    character: str,
) -> None:
    for name, value in (("user_id", f"Mar{character}ked"), ("email", f"mar{character}ked@portal.org")):
        with pytest.raises(InvalidEventError) as caught:
            parse_event(Unsubscribe, {"user_id": "u1", "newsletter": "daily", name: value})
        assert name in str(caught.value)
        assert "ked" not in str(caught.value)


def test_an_id_is_one_id_however_its_letters_were_typed() -> None:
    assert normal_id("Zoe\u0308") == normal_id("Zo\u00eb") == "Zo\u00eb"


def test_an_address_is_one_address_however_its_letters_were_typed() -> None:
    assert normal_address("Rene\u0301@Portal.ORG") == normal_address("ren\u00e9@portal.org") == "ren\u00e9@portal.org"


@pytest.mark.parametrize(
    "user_id",
    [
        "ada@portal.org",
        "9f0c-4e@",
        "ada\uff20portal.org",
        "ada%40portal.org",
        "mailto:ada@portal.org",
        "+491701234567",
        "+49 170 1234567",
        "user-+49(170)1234567",
        "0170/1234567",
        "0170 1234567",
        "(0170) 123-4567",
        "tel:0049-170-1234567",
        "555-123-4567",
        "\uff0b49170\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
    ],
)
def test_an_id_that_holds_an_address_or_a_telephone_number_is_refused_as_personal(user_id: str) -> None:
    with pytest.raises(ValueError, match="pass the portal's own, stable id"):
        normal_id(user_id)
    assert not is_shown("user_id", user_id)


@pytest.mark.parametrize(
    "user_id",
    [
        "4711",
        "00491701234567",
        "550e8400-e29b-41d4-a716-446655440000",
        "01234567-1234-4123-8123-123456789012",
        "12345678-1234-1234-1234-123456789012",
        "2024-01-15-0042",
        "01-15-2024",
        "0001-0000042",
        "abc+1234567==",
        "urn:user:7",
        "x/y.z_1",
        "\u7528\u6237-7",
    ],
)
def test_numbers_dates_and_uuids_are_good_ids(user_id: str) -> None:
    assert normal_id(user_id) == user_id
    assert is_shown("user_id", user_id)


@pytest.mark.parametrize(
    ("reported", "sent"),
    [
        ("ada@m\u00fcnchen.de", "ada@xn--mnchen-3ya.de"),
        ("ada@MU\u0308NCHEN.de", "ada@xn--mnchen-3ya.de"),
        ("ada@XN--MNCHEN-3YA.de", "ada@xn--mnchen-3ya.de"),
        ("ada@stra\u00dfe.de", "ada@xn--strae-oqa.de"),
        ("ada@strasse.de", "ada@strasse.de"),
        ("ada@i\u2764\ufe0f.ws", "ada@xn--i-7iq.ws"),
        ("ada@\U0001f4a9.la", "ada@xn--ls8h.la"),
        ("ada@mail_1.m\u00fcnchen.de", "ada@mail_1.xn--mnchen-3ya.de"),
        ("ada@\u4f8b\u3048\u3002jp", "ada@xn--r8jz45g.jp"),
    ],
)
def test_a_domain_beyond_ascii_is_punycode_as_browsers_write_it(reported: str, sent: str) -> None:
    assert normal_address(reported) == known_address(reported) == sent
    assert normal_address(unicode_address(sent)) == sent
    assert is_international(sent) is (sent != "ada@strasse.de")


@pytest.mark.parametrize(
    "address",
    [
        "ada@m\u00fcnchen",
        "ada@\u00fc..de",
        "ada@-\u00fc.de",
        "ada@\u2105.de",
        "ada@a\u221a.de",
        "ada@\U0001f4a9\u221a.la",
        "ada@" + "\u00fc" * 60 + ".de",
    ],
)
def test_what_can_be_no_domain_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        normal_address(address)


def test_a_text_may_have_lines_but_no_control_characters() -> None:
    assert normal_text("  Zoe\u0308\n2. Stock\tlinks \u200b") == "Zo\u00eb\n2. Stock\tlinks"
    for bad in ("Ada\x00", "A\x1bda", "A\x85da"):
        with pytest.raises(InvalidEventError, match=r"first_name: holds a control character"):
            parse_event(Update, {"user_id": "u1", "first_name": bad})
        with pytest.raises(InvalidEventError, match=r"attributes.city: "):
            parse_event(Update, {"user_id": "u1", "attributes": {"city": bad}})


def test_what_brevo_holds_is_never_refused() -> None:
    assert known_address(" Ada\u200b@Portal.org\ufeff") == "ada\u200b@portal.org"
    assert known_address("no address") == "no address"


@given(st.text(max_size=30))
def test_a_normal_form_is_its_own_normal_form(text: str) -> None:
    for normal in (normal_id, normal_text, known_address):
        try:
            once = normal(text)
        except ValueError:
            continue
        assert normal(once) == once
        assert unicodedata.is_normalized("NFC", once)


@given(st.text(max_size=10), st.text(max_size=12), st.sampled_from(["de", "M\u00dcNCHEN", "\u2764"]))
def test_an_address_that_is_accepted_goes_out_in_ascii_after_its_at(local: str, domain: str, top: str) -> None:
    try:
        once = normal_address(f"{local}@{domain}.{top}")
    except ValueError:
        return
    assert once.rpartition("@")[2].isascii()
    assert normal_address(once) == known_address(once) == normal_address(unicode_address(once)) == once


@given(st.text())
def test_an_escaped_text_is_one_line_that_no_terminal_obeys(text: str) -> None:
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in escaped(text))
    assert escaped(escaped(text)) == escaped(text)


def test_an_event_of_an_older_release_keeps_its_id() -> None:
    from sync_tasks.tasks.accept import read_nudge

    wire = {"user_id": "9f0c-4e@", "newsletter": "daily", "occurred_at": "2026-03-01T00:01:00+00:00"}
    assert read_nudge(Event, wire).user_id == "9f0c-4e@"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("form of anna@portal.org", "an @"),
        ("form of anna%40portal.org", "an @"),
        ("anna\uff20portal", "an @"),
        ("by telephone: +49 170 1234567", "a telephone number"),
        ("+491701234567", "a telephone number"),
        *[
            (text, "a telephone number")
            for text in (
                "030 1234567",
                "0171-5551234",
                "form, Tel. 030 1234567",
                "phone: (0171) 555 1234",
                "030/1234567.",
                "0049 30 1234567",
                "mobile 0171 555 12 34, at night",
                "06 12 34 56 78",
                "07911 123456",
                "call 555-123-4567",
                "\uff10\uff13\uff10 \uff11\uff12\uff13\uff14\uff15\uff16\uff17",
            )
        ],
        ("form, 84.113.20.7", "an IP address"),
        ("https://portal.example/form?from=84.113.20.7&page=2", "an IP address"),
        ("84.113.20.7:50123", "an IP address"),
        ("84.13.20.7", "an IP address"),
        ("84.13.20.7:443", "an IP address"),
        ("http://84.13.20.7/form", "an IP address"),
        ("form from 84.13.20.7, at night", "an IP address"),
        ("IP 84.13.20.7", "an IP address"),
        ("[2a02:908:1:2::7]", "an IP address"),
        ("form (2a02:908:0:0:0:0:0:7).", "an IP address"),
    ],
)
def test_a_free_text_that_is_personal_by_its_form_is_refused(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"holds {what}") as caught:
        impersonal(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "form",
        "ticket #0123-456789",
        "ticket 01-2026-0301",
        "desk, 2026-03-01T09:30:00+01:00",
        "form of 01.03.2026 09:30",
        "01/03/2026 10:15:30",
        "hall 03, stand 1234567",
        "wording 2026-03, page 12",
        "20260301-123456",
        "case-030-1234567",
        "form 0301-2026",
        "ticket 4711-0815",
        "at 10:30:00:123",
        "1+1=2",
        "section 4.12.1.3",
        "wording 84.13.20.7",
        "10.0.0.5",
        "Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36",
        "Edg/120.0.2210.91",
        "release 1.120.3",
        "v84.113.20.7",
        "a form on 192.168.100.7",
        "portal::forms::daily",
        "aa:bb:cc:dd:ee:ff",
        "https://portal.example/forms/2026/03/01",
    ],
)
def test_a_free_text_that_only_looks_a_bit_like_it_is_kept(text: str) -> None:
    assert impersonal(text) == text


@pytest.mark.parametrize(
    ("text", "normal"), [("e\u0301", "\u00e9"), (" \u00e9\u00a0", "\u00e9"), (" a ", "a"), ("a\nb", "a\nb"), (" ", "")]
)
def test_a_value_is_trimmed_and_one_text_however_it_was_typed(text: str, normal: str) -> None:
    assert normal_text(text) == normal


def test_an_address_is_no_longer_than_addresses_are() -> None:
    domain = ".".join(["d" * 63] * 3)
    address = f"{'x' * (254 - len(domain) - 1)}@{domain}"
    assert (len(address), is_address(address), is_address(f"x{address}")) == (254, True, False)
