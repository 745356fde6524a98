"""The papers: what is held of a person, and what an erasure came to; who asked for them is in the audit."""

import json
from pathlib import Path

from sync_tasks.cli.views.person import draw_paper
from sync_tasks.domain.contact import EventKey
from sync_tasks.errors import InvalidEventError
from sync_tasks.state.audit import forget_old
from sync_tasks.state.dead_letters import put_letter, write_letter
from tests.support.desk import Desk
from tests.support.pipeline import address_of
from tests.support.saying import stamp


def test_the_report_holds_everything_also_what_is_not_mapped(desk: Desk, tmp_path: Path) -> None:
    pipeline = desk.pipeline
    pipeline.subscribe("anna", first_name="<Anna>")
    pipeline.work()
    pipeline.brevo.edit(address_of("anna"), {"attributes": {"HOBBY": "chess"}, "listIds": [9]})
    reported = json.loads(desk.run("person", "report", "anna"))
    assert (reported["address"], reported["attributes"]["first_name"]) == (address_of("anna"), "<Anna>")
    assert reported["newsletters"]["daily"]["subscribed"] is True
    contact = reported["brevo"]["default"]["contact"]
    assert contact["attributes"]["HOBBY"] == "chess"
    assert 9 in contact["lists"]
    pipeline.brevo.act("bounce", address_of("anna"))
    reported = json.loads(desk.run("person", "report", "anna"))
    assert reported["brevo"]["default"]["as_brevo_shows_it"]["statistics"]["hardBounces"]
    assert reported["origins"]["address"]["event"] == "subscribe_contact"
    assert "what is older is not kept" in reported["covers"]["history"]
    pipeline.store.redis.delete(pipeline.store.key("history:anna"))
    reported = json.loads(desk.run("person", "report", "anna"))["origins"]
    assert reported["attributes.first_name"]["event"] == "subscribe_contact or update_contact"
    assert reported["newsletters.daily"] == {"since": reported["address"]["since"], "event": "subscribe_contact"}
    page = tmp_path / "page.html"
    desk.run("person", "report", "anna", "--html", str(page), "--by", "Eve")
    assert "&lt;Anna&gt;" in page.read_text()
    assert "what is older is not kept" in page.read_text()
    assert "<Anna>" not in page.read_text()
    assert page.stat().st_mode & 0o077 == 0
    assert [one["who"] for one in desk.read("audit", "anna")][-1] == "Eve"
    assert "anna" not in desk.run("audit")


def test_a_paper_shows_a_name_as_it_is_written_for_people_and_for_programs(desk: Desk, tmp_path: Path) -> None:
    desk.pipeline.subscribe("anna", first_name="Zoë")
    page = tmp_path / "page.html"
    desk.run("person", "report", "anna", "--html", str(page))
    text = page.read_text("utf-8")
    assert "<td>Zoë</td>" in text
    assert "&quot;first_name&quot;: &quot;Zoë&quot;" in text


def test_a_paper_shows_each_value_of_a_list_and_what_there_is_not() -> None:
    page = draw_paper({"lists": [3, "<b>"], "held": {"consents": [], "city": None, "block": False}})
    shown = "<table><tr><th>consents</th><td>none</td></tr><tr><th>city</th><td></td></tr><tr><th>block</th><td>False"
    assert "<tr><th>lists</th><td>3<br>&lt;b&gt;</td></tr>" in page
    assert f"<tr><th>held</th><td>{shown}" in page
    assert "&quot;city&quot;: null" in page


def test_an_audit_of_nothing_says_so(desk: Desk) -> None:
    assert desk.run("audit").strip() == "nobody did anything that is kept"
    assert desk.run("audit", "anna").strip() == "nobody did anything that is kept to this user's data"
    assert desk.read("audit") == []


def test_a_contact_that_the_pipeline_never_wrote_to_is_in_the_report(desk: Desk) -> None:
    desk.pipeline.brevo.add_contacts([{"email": address_of("anna"), "attributes": {"HOBBY": "chess"}}])
    desk.pipeline.subscribe("anna")
    reported = json.loads(desk.run("person", "report", "anna"))["brevo"]["default"]
    assert reported["contact"]["attributes"]["HOBBY"] == "chess"
    assert reported["as_brevo_shows_it"]["email"] == address_of("anna")


def test_nobody_elses_contact_is_in_the_report(desk: Desk) -> None:
    pipeline = desk.pipeline
    for user in ("anna", "otto"):
        pipeline.subscribe(user)
    pipeline.work()
    pipeline.brevo.edit(address_of("anna"), {"attributes": {"EMAIL": "mallory@portal.org"}, "ext_id": "mallory"})
    assert "mallory" not in desk.run("person", "report", "anna")
    pipeline.update("otto", email=address_of("anna"))
    held = pipeline.held("otto")["id"]
    assert f'"id": {held}' in desk.run("person", "report", "otto")
    assert f'"id": {held}' not in desk.run("person", "report", "anna")


def test_a_contact_with_ones_address_that_is_another_users_is_named_and_not_shown(desk: Desk) -> None:
    pipeline = desk.pipeline
    pipeline.subscribe("otto")
    pipeline.work()
    pipeline.brevo.edit(address_of("otto"), {"attributes": {"EMAIL": address_of("anna"), "HOBBY": "chess"}})
    pipeline.subscribe("anna")
    reported = json.loads(desk.run("person", "report", "anna", exits=1))["brevo"]["default"]
    assert (reported["contact"], "another user's ext_id" in reported["error"]) == (None, True)
    assert "chess" not in str(reported)


def test_a_contact_with_ones_address_and_an_ext_id_of_nobody_is_in_the_report(desk: Desk) -> None:
    desk.pipeline.brevo.add_contacts([{"email": address_of("anna"), "ext_id": "nobody"}])
    desk.pipeline.subscribe("anna")
    assert json.loads(desk.run("person", "report", "anna"))["brevo"]["default"]["contact"]["ext_id"] == "nobody"


def test_who_sent_nothing_but_a_malformed_event_reads_of_it(desk: Desk) -> None:
    desk.run("person", "report", "anna", exits=1)
    letter = write_letter("anna", EventKey("subscribe_contact", "daily", ""), InvalidEventError("why"), stamp(1), "t")
    put_letter(desk.pipeline.store, letter)
    reported = json.loads(desk.run("person", "report", "anna"))
    assert (reported["address"], reported["unresolved_events"][0]["reason"]) == (None, "why")


def test_the_paper_of_an_erasure_names_nobody_but_who_asked(desk: Desk) -> None:
    pipeline = desk.pipeline
    pipeline.subscribe("anna")
    pipeline.work()
    desk.run("person", "erasure", "anna", exits=1)
    desk.run("erase", "anna", "--yes", "--by", "Eve")
    pipeline.work()
    reported = json.loads(desk.run("person", "erasure", "anna"))
    assert reported["accounts"] == {"default": "contact anonymized and read back"}
    assert reported["verified"] >= reported["erased"]
    assert [one["who"] for one in reported["requested_by"]] == ["Eve"]
    assert "anna" not in json.dumps(reported)
    desk.run("person", "report", "anna", exits=1)


def test_the_paper_says_whom_the_portal_named(desk: Desk) -> None:
    pipeline = desk.pipeline
    pipeline.subscribe("anna")
    pipeline.anonymize("anna", requested_by="ticket 4711")
    assert [(one["who"], one["what"]) for one in desk.read("audit", "anna")] == [("ticket 4711", "anonymize")]
    pipeline.work()
    reported = json.loads(desk.run("person", "erasure", "anna"))
    assert [one["who"] for one in reported["requested_by"]] == ["ticket 4711"]
    forget_old(pipeline.store, 0)
    assert json.loads(desk.run("person", "erasure", "anna"))["requested_by"] == "ticket 4711"


def test_what_comes_after_an_erasure_takes_nothing_from_its_paper(desk: Desk) -> None:
    pipeline = desk.pipeline
    pipeline.subscribe("anna", occurred_at="2026-03-01T00:00:00Z")
    pipeline.work()
    pipeline.anonymize("anna", requested_by="ticket 4711")
    pipeline.work()
    before = json.loads(desk.run("person", "erasure", "anna"))
    pipeline.update("anna", email="anna.late@portal.org", occurred_at="2026-03-02T00:00:00Z")
    pipeline.work()
    forget_old(pipeline.store, 0)
    after = json.loads(desk.run("person", "erasure", "anna"))
    assert after["accounts"] == before["accounts"] == {"default": "contact anonymized and read back"}
    assert after["requested_by"] == "ticket 4711"


def test_proofs_of_consent_are_in_every_paper(desk: Desk) -> None:
    pipeline = desk.pipeline
    proof = {"source": "form", "version": "1", "at": "2026-03-01T00:00:00Z"}
    pipeline.subscribe("anna", consent=proof)
    pipeline.subscribe("anna", "weekly", consent=proof)
    pipeline.unsubscribe("anna", "weekly")
    pipeline.work()
    report = json.loads(desk.run("person", "report", "anna"))["consents"]
    assert [(one["newsletter"], one["source"], bool(one["ended"])) for one in report] == [
        ("daily", "form", False),
        ("weekly", "form", True),
    ]
    assert desk.read("contact", "anna")["consents"] == report
    assert "proofs of consent" in desk.run("contact", "anna")
    pipeline.anonymize("anna")
    pipeline.work()
    erasure = json.loads(desk.run("person", "erasure", "anna"))["consents_kept"]
    assert {one["newsletter"] for one in erasure if one["ended"]} == {"daily", "weekly"}
    assert desk.read("contact", "anna")["consents"] == erasure


def test_replays_and_discards_are_in_the_audit(desk: Desk) -> None:
    desk.pipeline.unsubscribe("zoe")
    desk.pipeline.work()
    (letter,) = desk.pipeline.letters()
    desk.run("failed", "replay", letter.id, "--by", "Eve")
    desk.run("failed", "discard", letter.id, "--by", "Eve")
    assert [(one["who"], one["what"], one["about"]) for one in desk.read("audit", "zoe")] == [
        ("Eve", "replay: replayed", letter.id),
        ("Eve", "discard", letter.id),
    ]
