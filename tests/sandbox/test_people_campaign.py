"""A campaign of the sandbox: who gets a mail, and what is in it."""

from sync_tasks.sandbox import Sandbox

TEXT = "Dear {{ contact.FIRSTNAME }}, {{contact.link}} <{{ contact.EMAIL }}> {{ contact.NONE }}!"


def test_everybody_on_the_list_gets_their_own_values(brevo: Sandbox) -> None:
    brevo.add_contacts(
        [
            {"email": "anna@portal.org", "listIds": [3], "attributes": {"FIRSTNAME": "Anna"}},
            {"email": "bert@portal.org", "listIds": [5]},
        ]
    )
    (mail,) = brevo.send_campaign(3, TEXT)
    assert mail == {"to": "anna@portal.org", "text": "Dear Anna,  <anna@portal.org> !"}


def test_whom_brevo_would_not_write_to_gets_none(brevo: Sandbox) -> None:
    brevo.add_contacts([{"email": f"{name}@portal.org", "listIds": [3]} for name in ("anna", "bert")])
    brevo.quirks.unsubscription_per_list = True
    brevo.act("unsubscribe", "anna@portal.org")
    brevo.act("unsubscribe", "bert@portal.org", list_id=3)
    assert brevo.send_campaign(3, TEXT) == []
