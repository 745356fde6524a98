"""What a package index shows: the README, with links and a picture that work there."""

import importlib.util
from types import ModuleType

import pytest

from tests.project.index_page import find_faults
from tests.support.station import ROOT

README = (ROOT / "README.md").read_text()
REPOSITORY = "https://code.example/owner/sync-tasks"


@pytest.fixture(scope="module")
def setup() -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup", ROOT / "setup.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_as_it_lies_here_would_not_do() -> None:
    assert "leads nowhere on an index: docs/flow.svg" in find_faults(README)


@pytest.mark.parametrize("repository", [REPOSITORY, ""])
def test_no_link_leads_nowhere(setup: ModuleType, repository: str) -> None:
    assert find_faults(setup.text_for_index(README, repository)) == []


def test_links_and_the_picture_lead_to_files_of_the_repository(setup: ModuleType) -> None:
    shown = setup.text_for_index(README, REPOSITORY)
    assert f"]({REPOSITORY}/raw/HEAD/docs/flow.svg)" in shown
    assert f"[Quickstart]({REPOSITORY}/blob/HEAD/docs/quickstart.md)" in shown
    for url in setup.urls_of(REPOSITORY).values():
        assert (ROOT / url.removeprefix(REPOSITORY).removeprefix("/blob/HEAD/")).exists()


def test_without_a_repository_links_are_words(setup: ModuleType) -> None:
    shown = setup.text_for_index(README, "")
    assert "* Quickstart: from nothing" in shown
    assert "[Brevo](https://www.brevo.com)" in shown
    assert setup.urls_of("") == {}


def test_a_text_that_cannot_be_shown_is_a_fault() -> None:
    assert find_faults("") == ["an index cannot show the README"]
