"""The page of the comparisons says what was found, what was refused, and what somebody else wrote is only text."""

import re
from dataclasses import replace
from typing import get_args
from xml.etree import ElementTree as ET

from sync_tasks.reconcile.drift import Kind
from sync_tasks.reconcile.history import Run
from sync_tasks.reconcile.report_html import draw_page

STAMP = "1767225600000000"
RUN = Run("default", STAMP, 1.5, dry_run=False, compared=1200, alone=0, losing=0, repaired=7)
LISTS = {"daily": {"missing on list": 4, "address": 2}, "weekly": {"missing on list": 3}}
DRIFTED = replace(RUN, found={"missing on list": 7, "address": 2}, lists=LISTS)


def test_a_run_says_when_how_long_and_what_came_of_it() -> None:
    page = draw_page([DRIFTED, replace(DRIFTED, account="other", dry_run=True)])
    assert "2026-01-01 00:00:00 UTC, 1.5 s: 1,200 contacts compared, 7 to be repaired." in page
    _, one, other = page.split("<h2>Account ")
    assert ("only looked at" in one, "only looked at" in other) == (False, True)
    assert "Nothing was changed" not in page


def test_what_was_refused_stands_out_and_is_only_text() -> None:
    page = draw_page([replace(DRIFTED, refused="<b>too many</b>")])
    assert '<p class="refused">Nothing was changed: &lt;b&gt;too many&lt;/b&gt;</p>' in page
    assert "<b>" not in page


def test_without_a_difference_there_is_neither_table_nor_chart() -> None:
    page = draw_page([RUN])
    assert "<p>No drift.</p>" in page
    assert not any(part in page for part in ("<table>", "<svg", "Whom"))
    assert "No drift" not in draw_page([DRIFTED])


def test_users_are_named_only_if_they_were_asked_for() -> None:
    assert "Whom" not in draw_page([DRIFTED])
    page = draw_page([replace(DRIFTED, users={"address": ["anna", "<otto>"]})])
    assert "<h3>Whom address concerns</h3><p>anna, &lt;otto&gt;</p>" in page


def test_each_bar_is_as_long_as_its_newsletter_differs() -> None:
    page = draw_page([DRIFTED])
    chart = ET.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])  # noqa: S314 - our own
    bars = [(float(one.attrib["y"]), float(one.attrib["x"]), float(one.attrib["width"])) for one in chart.iter("rect")]
    assert bars == [(4.0, 200.0, 140.0), (4.0, 340.0, 280.0), (32.0, 200.0, 210.0)]
    texts = [one.text for one in chart.iter("text")]
    assert texts == ["daily", "6", "weekly", "3"]
    assert float(chart.attrib["height"]) == 56.0


def test_each_class_of_drift_has_a_colour_of_its_own_and_the_same_in_table_and_chart() -> None:
    kinds = get_args(Kind)
    page = draw_page([replace(RUN, found=dict.fromkeys(kinds, 1), lists={"daily": dict.fromkeys(kinds, 1)})])
    table = re.findall(r'<i style="background:(#[0-9a-f]{6})">', page)
    chart = re.findall(r'fill="(#[0-9a-f]{6})"', page)
    assert table == chart
    assert len(set(table)) == len(kinds)
