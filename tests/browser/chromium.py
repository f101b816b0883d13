"""Chromium as an oracle: what it keeps, sends and says about cookies."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error, sync_playwright

from tests.browser.conftest import CHROMIUM_FLAGS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Frame

    from tests.browser.oracles import Facts, Said

# Every host is this machine, nobody's certificate is good enough, and frames stay in the process of their page, so that
# the protocol tells of their requests as well.
CHROMIUM = [
    *CHROMIUM_FLAGS,
    "--host-resolver-rules=MAP * 127.0.0.1",
    "--ignore-certificate-errors",
    "--disable-site-isolation-trials",
    "--disable-features=IsolateOrigins,site-per-process,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
]


class ChromiumTab:
    """A tab of the Chromium of an ordinary user: third parties may have cookies, as in no incognito window."""

    profile = "chromium"
    is_silent_about_redirects = False

    def __init__(self, executable: str, folder: Path) -> None:
        preferences = folder / "Default" / "Preferences"
        preferences.parent.mkdir()
        preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}))
        self._playwright = sync_playwright().start()
        self._context = self._playwright.chromium.launch_persistent_context(
            folder, executable_path=executable, args=CHROMIUM, ignore_https_errors=True
        )
        self._context.set_default_timeout(100_000)
        self._page = self._context.new_page()
        self._protocol = self._context.new_cdp_session(self._page)
        self._refused: list[Said] = []
        self._withheld: list[tuple[str, tuple[str, ...]]] = []
        self._protocol.on("Network.responseReceivedExtraInfo", self._note_refused)
        self._protocol.on("Network.requestWillBeSentExtraInfo", self._note_withheld)
        self._protocol.send("Network.enable")
        self.version = str(self._protocol.send("Browser.getVersion")["product"]).partition("/")[2]

    def _note_refused(self, event: dict[str, Any]) -> None:
        for blocked in event["blockedCookies"]:
            self._refused.append(("", blocked["cookieLine"], tuple(blocked["blockedReasons"])))

    def _note_withheld(self, event: dict[str, Any]) -> None:
        if ":path" in event["headers"] or "/favicon" in str(event):
            return
        for associated in event["associatedCookies"]:
            if associated["blockedReasons"]:
                self._withheld.append((associated["cookie"]["name"], tuple(associated["blockedReasons"])))

    def goto(self, url: str) -> None:
        """Open a URL as if it was typed."""
        self._page.goto(url)

    def run(self, script: str, *arguments: object, frame: tuple[int, ...] = ()) -> Any:
        """Run the body of an async function in a frame, with `args`, and return what it returns."""
        where: Frame = self._page.main_frame
        for index in frame:
            where = where.child_frames[index]
        late = "new Promise((_, no) => setTimeout(() => no(new Error('too late')), 8000))"
        return where.evaluate(f"args => Promise.race([(async () => {{ {script} }})(), {late}])", list(arguments))

    def clear(self) -> None:
        """Delete all cookies, and forget what was said about cookies."""
        self._protocol.send("Network.clearBrowserCookies")
        self._refused.clear()
        self._withheld.clear()

    def stored(self) -> list[Facts]:
        """Return the facts about all cookies."""
        found: list[Facts] = []
        for cookie in self._protocol.send("Storage.getCookies")["cookies"]:
            key = cookie.get("partitionKey")
            partition = None if key is None else (key["topLevelSite"], key["hasCrossSiteAncestor"])
            expires = None if cookie["session"] else cookie["expires"]
            samesite = cookie.get("sameSite", "Default")
            facts = (
                cookie["domain"],
                cookie["path"],
                cookie["secure"],
                cookie["httpOnly"],
                samesite,
                expires,
                partition,
            )
            found.append(facts)
        return found

    def refused(self) -> list[Said]:
        """Return the refused lines with the browser's reasons, since the last `clear`."""
        return list(self._refused)

    def withheld(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the names of cookies that were not sent with the browser's reasons, since the last `clear`."""
        return list(self._withheld)

    def stop(self) -> None:
        """Quit."""
        with contextlib.suppress(Error):
            self._context.close()
        self._playwright.stop()
