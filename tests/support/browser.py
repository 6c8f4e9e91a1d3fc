"""A headless Chromium, driven through chromedriver's own W3C WebDriver API: no package, no download.

Debian's packages `chromium` and `chromium-driver` bring both.
"""

import base64
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver, section 12.1: the key of an element's id
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
ENTER, TAB = "\ue007", "\ue004"  # W3C WebDriver, section 15.4.2
TIMEOUT_SECONDS = 20
BLOCKED = 2  # Chromium's content setting


def missing_programs() -> list[str]:
    return [program for program in ("chromium", "chromedriver") if shutil.which(program) is None]


@dataclass(frozen=True)
class Browser:
    session: httpx2.Client

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        # WebDriver wants an object in every POST, an empty one too.
        answer = self.session.request(method, path, json=(body or {}) if method == "POST" else None)
        if answer.is_error:
            raise AssertionError(f"{method} {path}: {answer.json()['value']['message']}")
        return answer.json()["value"]

    def _find(self, selector: str) -> str:
        found = self._call("POST", "element", {"using": "css selector", "value": selector})
        return f"element/{found[ELEMENT]}"

    def open(self, url: str) -> None:
        self._call("POST", "url", {"url": url})

    def text(self, selector: str) -> str:
        return str(self._call("GET", f"{self._find(selector)}/text"))

    def role(self, selector: str) -> str:
        """What a screen reader is told that the element is."""
        return str(self._call("GET", f"{self._find(selector)}/computedrole"))

    def label(self, selector: str) -> str:
        """What a screen reader calls the element."""
        return str(self._call("GET", f"{self._find(selector)}/computedlabel"))

    def focused(self) -> str:
        """The id of the element that the keyboard acts on."""
        active = self._call("GET", "element/active")
        return str(self._call("GET", f"element/{active[ELEMENT]}/property/id"))

    def press_tab(self) -> None:
        keys = [{"type": kind, "value": TAB} for kind in ("keyDown", "keyUp")]
        self._call("POST", "actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})

    def choose(self, selector: str) -> None:
        """Pick an option of a select."""
        self._call("POST", f"{self._find(selector)}/click")

    def press_enter(self, selector: str) -> None:
        """By keyboard, as chromedriver's own click hangs on an emulated phone without scripts."""
        self.type(selector, ENTER)

    def wait_for(self, selector: str) -> None:
        """Until the page that holds it has come."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while self.count(selector) == 0:
            assert time.monotonic() < until, f"no {selector} after {TIMEOUT_SECONDS} seconds"
            time.sleep(0.05)

    def type(self, selector: str, keys: str) -> None:
        self._call("POST", f"{self._find(selector)}/value", {"text": keys})

    def count(self, selector: str) -> int:
        return len(self._call("POST", "elements", {"using": "css selector", "value": selector}))

    def rectangle(self, selector: str) -> dict[str, float]:
        """x, y, width and height in CSS pixels."""
        found: dict[str, float] = self._call("GET", f"{self._find(selector)}/rect")
        return found

    def rectangles(self, selector: str) -> list[dict[str, float]]:
        """Of all that match."""
        found = self._call("POST", "elements", {"using": "css selector", "value": selector})
        return [self._call("GET", f"element/{each[ELEMENT]}/rect") for each in found]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", "screenshot")))


@contextmanager
def browser(
    profile: Path, *, width: int, height: int, is_phone: bool = False, has_scripts: bool = True, is_dark: bool = False
) -> Iterator[Browser]:
    """One browser window of `width` by `height` CSS pixels, its profile in the folder `profile`."""
    options: dict[str, Any] = {
        "args": [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"],
        "prefs": {} if has_scripts else {"profile.managed_default_content_settings.javascript": BLOCKED},
    }
    if is_dark:
        options["args"].append("--blink-settings=preferredColorScheme=0")
    if is_phone:
        metrics = {"width": width, "height": height, "pixelRatio": 2, "touch": True, "mobile": True}
        options["mobileEmulation"] = {"deviceMetrics": metrics}
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert driver.stdout is not None
        ports = (re.search(r"started successfully on port (\d+)", line) for line in driver.stdout)
        port = next(match[1] for match in ports if match)
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            capabilities = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
            created = client.post("/session", json=capabilities).json()["value"]
            assert "sessionId" in created, created
            session = f"http://127.0.0.1:{port}/session/{created['sessionId']}/"
            with httpx2.Client(base_url=session, timeout=TIMEOUT_SECONDS, trust_env=False) as inner:
                try:
                    yield Browser(inner)
                finally:
                    inner.delete(session.rstrip("/"))
    finally:
        # The whole group: a browser that hangs outlives its driver otherwise.
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait(10)
        if driver.stdout is not None:
            driver.stdout.close()
