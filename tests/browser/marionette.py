"""Drive a headless Firefox by Marionette, which every Firefox has built in: JSON over TCP, without a driver binary.

https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

FIREFOX_NAMES = ("firefox-esr", "firefox")
START_S, ANSWER_S = 120.0, 180.0
MISSING = "NO FIREFOX on this machine (`make firefox` installs one where it can)"

PREFERENCES: dict[str, object] = {
    # All hosts are the server of the test; nothing else is asked for anything.
    "network.proxy.type": 1,
    "network.proxy.allow_hijacking_localhost": True,
    "network.proxy.no_proxies_on": "",
    "network.proxy.failover_direct": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "network.predictor.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.trr.mode": 5,
    # A scheme stays as it is written.
    "dom.security.https_first": False,
    "dom.security.https_first_schemeless": False,
    "dom.security.https_only_mode": False,
    "security.mixed_content.block_active_content": False,
    # Whatever calls home.
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "app.update.disabledForTesting": True,
    "browser.newtabpage.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.page": 0,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "startup.homepage_welcome_url": "",
    "toolkit.telemetry.enabled": False,
    # Marionette chooses a free port and writes it into the profile.
    "marionette.port": 0,
}


class MarionetteError(Exception):
    """Firefox answered with an error."""


def find_firefox() -> str | None:
    """Return the path of Firefox, or None."""
    return next(filter(None, map(shutil.which, FIREFOX_NAMES)), None)


class Firefox:
    """A headless Firefox with a new profile.

    Args:
        executable: The path of Firefox.
        folder: An empty folder for the profile.
        proxy: The port of the proxy on this machine through which all requests go.
    """

    def __init__(self, executable: str, folder: Path, proxy: int) -> None:
        ours = {f"network.proxy.{kind}": "127.0.0.1" for kind in ("http", "ssl")}
        ports = {f"network.proxy.{kind}_port": proxy for kind in ("http", "ssl")}
        preferences = {**PREFERENCES, **ours, **ports}
        text = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        (folder / "user.js").write_text(text, encoding="utf-8")
        command = [executable, "--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
        self._process = subprocess.Popen(
            [*command, "--profile", str(folder), "about:blank"],
            env={
                **os.environ,
                "HOME": str(folder),
                "MOZ_DISABLE_AUTO_SAFE_MODE": "1",
                "MOZ_CRASHREPORTER_DISABLE": "1",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._socket = self._connect(folder / "MarionetteActivePort")
            self._received = b""
            self._number = 0
            self._read()  # its greeting
            capabilities = {
                "acceptInsecureCerts": True,
                "pageLoadStrategy": "normal",
                "unhandledPromptBehavior": "accept",
            }
            session = self.ask("WebDriver:NewSession", capabilities)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self.version: str = session["capabilities"]["browserVersion"]
        self.ask("WebDriver:SetTimeouts", {"script": 100_000, "pageLoad": 100_000})

    def _connect(self, file: Path) -> socket.socket:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise MarionetteError(f"Firefox ended with status {self._process.returncode}")
            with contextlib.suppress(OSError, ValueError):
                return socket.create_connection(("127.0.0.1", int(file.read_text())), ANSWER_S)
            time.sleep(0.1)
        raise MarionetteError(f"Firefox did not listen within {START_S} s")

    def ask(self, command: str, parameters: dict[str, Any] | None = None) -> Any:
        """Send a command and return its result.

        Raises:
            MarionetteError: If Firefox answers with an error.
        """
        self._number += 1
        message = json.dumps([0, self._number, command, parameters or {}]).encode()
        self._socket.sendall(b"%d:%b" % (len(message), message))
        _, number, error, result = self._read()
        while number != self._number:  # an answer that came too late is left from before
            _, number, error, result = self._read()
        if error:
            raise MarionetteError(f"{command}: {error['error']}: {error['message']}")
        return result

    def _read(self) -> Any:
        while b":" not in self._received:
            self._receive()
        length, _, self._received = self._received.partition(b":")
        while len(self._received) < int(length):
            self._receive()
        message, self._received = self._received[: int(length)], self._received[int(length) :]
        return json.loads(message)

    def _receive(self) -> None:
        received = self._socket.recv(1 << 16)
        if not received:
            raise MarionetteError("Firefox closed the connection")
        self._received += received

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the current frame and return what it resolves to. It gets `args`."""
        body = f"const [args, done] = arguments; (async () => {{ {script} }})().then(done, e => done('' + e));"
        return self.ask("WebDriver:ExecuteAsyncScript", {"script": body, "args": [list(arguments)]})["value"]

    def run_privileged(self, script: str) -> Any:
        """Run a script of the browser itself and return its value."""
        self.ask("Marionette:SetContext", {"value": "chrome"})
        try:
            return self.ask("WebDriver:ExecuteScript", {"script": script, "args": []})["value"]
        finally:
            self.ask("Marionette:SetContext", {"value": "content"})

    def stop(self) -> None:
        """Quit the browser."""
        with contextlib.suppress(MarionetteError, OSError):
            self.ask("Marionette:Quit", {"flags": ["eForceQuit"]})
        self._socket.close()
        try:
            self._process.wait(100)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
