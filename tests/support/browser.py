"""A real Chromium without a window, led by its own protocol over two pipes: nothing to install but the browser."""

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Chromium reads commands from file 3 and writes to file 4.
_START = "import os, sys; a, b = map(int, sys.argv[1:3]); a, b = os.dup(a), os.dup(b); os.dup2(a, 3); os.dup2(b, 4); "
_START += "[os.set_inheritable(file, True) for file in (3, 4)]; os.execv(sys.argv[3], sys.argv[3:])"
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-pipe",
    "--disable-background-networking",
]
# What has the focus, by the name that a person reads or hears.
_FOCUSED = (
    "(e => e.getAttribute('aria-label') || e.labels?.[0]?.innerText.trim() || e.innerText)(document.activeElement)"
)
_RUN_AXE = "axe.run().then(all => all.violations.map(e => `${e.impact} ${e.id}: ${e.nodes[0].html.slice(0, 120)}`))"
KEYS = {"Tab": 9, "Enter": 13, " ": 32}


class Browser:
    """One page: open it, look at it, press keys."""

    def __init__(self, commands: int, answers: int) -> None:
        self.complaints: list[str] = []
        self._commands, self._answers = os.fdopen(commands, "wb", buffering=0), os.fdopen(answers, "rb")
        self._number, self._session = 0, ""
        self._events: list[str] = []

    def start(self) -> None:
        """Open an empty page."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Return the browser's answer to a command."""
        self._number += 1
        reported: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        reported |= {"sessionId": self._session} if self._session else {}
        self._commands.write(json.dumps(reported).encode() + b"\0")
        while (heard := self._hear()).get("id") != self._number:
            pass
        assert "error" not in heard, heard
        return dict(heard["result"])

    def speak(self, language: str) -> None:
        """Ask for pages in a language."""
        self.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})

    def open(self, url: str) -> None:
        """Return once a page is there."""
        self._events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for_page()

    def wait_for_page(self) -> None:
        """Return once the page that is on its way is there."""
        while "Page.loadEventFired" not in self._events:
            self._hear()

    def press(self, key: str) -> None:
        """Press and release a key."""
        self._events.clear()
        about: dict[str, object] = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"text": "\r" if key == "Enter" else key} if key in {"Enter", " "} else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def click(self, selector: str) -> None:
        """Click on what a selector finds; a page to which it leads is on its way then."""
        self._events.clear()
        self.ask(f"document.querySelector({json.dumps(selector)}).click()")

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def walk_to(self, label: str) -> None:
        """Press Tab until what is called so has the focus."""
        for _ in range(200):
            self.press("Tab")
            if self.ask(_FOCUSED) == label:
                return
        raise AssertionError(f"no Tab leads to {label}")

    def look_like(self, width: int, height: int, *, dark: bool = False) -> None:
        """Have a screen of a size, in light or dark colours."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **screen)
        self.call("Emulation.setScrollbarsHidden", hidden=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def take_picture(self, height: int) -> bytes:
        """Return the page as a picture, no higher than that."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height), "scale": 1}
        reported = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return b64decode(reported["data"])

    def check_access(self, axe: str) -> list[str]:
        """Return what keeps people from using the page, as axe finds it, one line each."""
        self.call("Runtime.evaluate", expression=axe)
        reported = self.call("Runtime.evaluate", expression=_RUN_AXE, awaitPromise=True, returnByValue=True)
        return list(reported["result"]["value"])

    def ask(self, expression: str) -> Any:  # noqa: ANN401 - whatever a page holds
        """Return the value of an expression in the page."""
        return self.call("Runtime.evaluate", expression=expression)["result"].get("value")

    def named(self) -> list[tuple[str, str]]:
        """Return role and name of what a screen reader reads out."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        reported = [
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]
        ]
        return [one for one in reported if one[0] in {"heading", "button", "main", "paragraph"}]

    def end(self) -> None:
        """Close the pipes."""
        self._commands.close()
        self._answers.close()

    def _hear(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "the browser has ended"
            text += byte
        heard: dict[str, Any] = json.loads(text)
        self._events.append(heard.get("method", ""))
        if heard.get("method") == "Log.entryAdded":
            self.complaints.append(heard["params"]["entry"]["text"])
        return heard


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Yield a browser that is gone after the block; skip the test where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed: apt install chromium")
    (hers, commands), (answers, theirs) = os.pipe(), os.pipe()
    start = [sys.executable, "-c", _START, str(hers), str(theirs), program, *_FLAGS, f"--user-data-dir={folder}"]
    with (folder / "browser.log").open("wb") as log:
        process = subprocess.Popen(start, pass_fds=(hers, theirs), stderr=log, stdout=log)
    os.close(hers)
    os.close(theirs)
    try:
        browser = Browser(commands, answers)
        try:
            browser.start()
            yield browser
        finally:
            browser.end()
    finally:
        process.kill()
        process.wait()
