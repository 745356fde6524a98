"""The judges are asked by `make contract`; here is what is ours about that."""

from pathlib import Path

import pytest

from sync_tasks.sandbox import Sandbox
from tests.contract import tools
from tests.contract.__main__ import main
from tests.contract.prism import read_findings
from tests.contract.traffic import SPOKEN, find_unspoken

LOG = """
[1:31:19 AM] > [HTTP SERVER] get /contacts/ada%40portal.org i  info      Request received
[1:31:19 AM] >     [PROXY] i  info      The upstream call to /contacts/ada%40portal.org has returned 200
[1:31:19 AM] > [HTTP SERVER] post /contacts i  info      Request received
[1:31:19 AM] >     [VALIDATOR] x  error     Violation: request.body.listIds.0 must be integer
[1:31:19 AM] > [HTTP SERVER] put /contacts/ada%40portal.org i  info      Request received
[1:31:19 AM] >     [VALIDATOR] x  error     Violation: request.body no ada@portal.org
"""


def test_a_violation_is_reported_with_its_request_and_without_an_address() -> None:
    assert list(read_findings(LOG)) == [
        "post /contacts: request.body.listIds.0 must be integer",
        "put /contacts/{address}: request.body no {address}",
    ]


def test_a_kind_of_request_that_was_never_made_is_reported() -> None:
    brevo = Sandbox()
    brevo.request("GET", "/contacts/1")
    brevo.request("GET", "/account")

    assert find_unspoken(brevo) == SPOKEN - {"GET /contacts/*", "GET /account"}


def test_without_brevos_text_the_check_is_skipped_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "TEXT", tmp_path / "missing.yaml")

    assert main([]) == 0
    assert capsys.readouterr().out.startswith("skipped: Brevo's OpenAPI text is not at hand")


def test_without_node_the_check_is_skipped_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "TEXT", Path(__file__))
    monkeypatch.setattr(tools, "find_server", lambda: tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main([]) == 0
    assert capsys.readouterr().out == "skipped: Node and npm are not installed\n"
