# Copyright (c) 2026 the certfleet.reseller contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, by its DevTools protocol over two pipes: https://chromedevtools.github.io/devtools-protocol/

with Browser(folder) as browser:
    page = browser.open(path, width=1280, height=900)
    page.run("document.title")
    page.screenshot(folder / "page.png")
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_OPTIONS = (
    *("--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions", "--mute-audio"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-color-profile=srgb"),
    # the sandbox needs rights that containers do not give; the pages are our own
    *("--no-sandbox", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
)


def program() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One process. ``folder`` keeps its profile."""

    def __init__(self, folder: Path, seconds: float = 60) -> None:
        self._seconds, self._buffer, self._number = seconds, b"", 0
        self.events: list[dict[str, Any]] = []
        ours_in, self._to = os.pipe()
        self._from, ours_out = os.pipe()
        wanted = {3: ours_in, 4: ours_out}

        def connect() -> None:
            # by way of high numbers: 3 and 4 may be one of the pipes
            high = {target: os.dup2(source, target + 60) for target, source in wanted.items()}
            for target, source in high.items():
                os.dup2(source, target, inheritable=True)

        # not found is the caller's business
        self._process = subprocess.Popen(
            [str(program()), *_OPTIONS, f"--user-data-dir={folder}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=connect,
            start_new_session=True,
        )
        os.close(ours_in)
        os.close(ours_out)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, AssertionError):
            self.call("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + self._seconds
        while (answer := self._message(end)).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, method: str, session: str) -> dict[str, Any]:
        end = time.monotonic() + self._seconds
        while True:
            for event in self.events:
                if event.get("method") == method and event.get("sessionId") == session:
                    self.events.remove(event)
                    return event
            self.events.append(self._message(end))

    def _message(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _writable, _odd = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._from, 1 << 20)
            assert data, "the browser ended"
            self._buffer += data
        first, _mark, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(first)
        return found

    def open(self, path: Path, width: int = 1280, height: int = 900, dark: bool = False, offline: bool = True) -> Page:
        target = self.call("Target.createTarget", url="about:blank", width=width, height=height)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        page.media(dark=dark)
        page.call("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("Page.loadEventFired", session)
        return page


class Page:
    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700
        )

    def media(self, dark: bool = False, kind: str = "") -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=kind, features=[scheme])

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for. The page's own policy does not apply to it."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        code = {"Tab": 9, "Enter": 13, "Escape": 27}[key]
        more = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def complaints(self) -> list[str]:
        """What the console got: exceptions, refusals by the policy, messages; and requests for anything but the page."""
        self.run("0")
        found = []
        for event in self._browser.events:
            if event.get("sessionId") == self._session:
                method, parameters = event["method"], event["params"]
                if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
                    found.append(json.dumps(parameters)[:500])
                if method == "Network.requestWillBeSent" and parameters["type"] != "Document":
                    found.append(parameters["request"]["url"])
        return found

    def tree(self) -> list[dict[str, Any]]:
        """What screen readers get."""
        nodes: list[dict[str, Any]] = self.call("Accessibility.getFullAXTree")["nodes"]
        return [node for node in nodes if not node.get("ignored")]

    def screenshot(self, path: Path, whole: bool = False) -> None:
        if whole:
            height = self.run("document.documentElement.scrollHeight")
            self.resize(self.run("innerWidth"), height)
            self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"])
