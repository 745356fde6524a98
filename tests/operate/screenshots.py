"""Take the pictures of the operator's page for the docs: ``make screenshots`` writes docs/pictures/."""

import tempfile
from pathlib import Path

from tests.support.browser import Browser, browsing
from tests.support.staging import PASSWORD, Stage, staging

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
WIDE, NARROW, HIGHEST = (1100, 800), (390, 780), 1700
# Name, path, size, dark.
PICTURES = (
    ("overview-light", "", WIDE, False),
    ("overview-dark", "", WIDE, True),
    ("overview-narrow", "", NARROW, False),
    ("cause-light", "", WIDE, False),
    ("person-light", "/people?user=4711", WIDE, False),
    ("comparisons-light", "/comparisons", WIDE, False),
)


def take_all(browser: Browser, stage: Stage) -> None:
    """Log in, look at each page in its size and colours, and keep the pictures."""
    FOLDER.mkdir(exist_ok=True)
    browser.open(stage.origin)
    browser.walk_to("Name")
    browser.type("anna")
    browser.press("Tab")
    browser.type(PASSWORD)
    browser.press("Enter")
    browser.wait_for_page()
    browser.open(f"{stage.origin}/letters")
    cause = str(browser.ask("document.querySelector('th a').href"))
    for name, path, size, dark in PICTURES:
        browser.look_like(*size, dark=dark)
        browser.open(cause if name.startswith("cause") else stage.origin + path)
        (FOLDER / f"operate-{name}.png").write_bytes(browser.take_picture(HIGHEST))


def main() -> None:
    """Start all that is needed, take the pictures, leave nothing else behind."""
    with tempfile.TemporaryDirectory() as folder:
        profile, pipeline = Path(folder) / "browser", Path(folder) / "pipeline"
        profile.mkdir()
        pipeline.mkdir()
        with browsing(profile) as browser, staging(pipeline) as stage:
            take_all(browser, stage)


if __name__ == "__main__":
    main()
