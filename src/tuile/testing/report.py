"""A pytest plugin that shows what the requests of a failed test did: cookies, session, lines, verdicts of browsers.

Ask for it in the `conftest.py` of a project::

    pytest_plugins = ["tuile.testing.report"]

It records the requests of `app.test_client()`, its asynchronous counterpart and `Browser`. A test that passes shows
nothing.
"""

from __future__ import annotations

import typing as t

import pytest

from tuile.app import Flask
from tuile.inspector.conversations import tell
from tuile.inspector.recorder import Recorder
from tuile.inspector.records import Ring
from tuile.inspector.tables import sheet_of, summary_of
from tuile.inspector.text import clean, write_sheet

from .client import FlaskClient
from .network import Network

if t.TYPE_CHECKING:
    from collections.abc import Generator

    from _typeshed.wsgi import WSGIEnvironment

    from .outgoing import OutgoingRequest

    Method: t.TypeAlias = t.Callable[..., object]

# How many requests are shown whole.
_SHOWN = 2
_LISTED = 20


class _Watcher:
    """Records the requests of one test."""

    def __init__(self) -> None:
        self.ring = Ring(most=_LISTED)
        self.recorders: dict[int, Recorder] = {}

    def watch(self, app: object) -> None:
        """Record the requests of an application until the test has ended."""
        if isinstance(app, Flask) and id(app) not in self.recorders:
            self.recorders[id(app)] = Recorder(app, self.ring)

    def end(self) -> None:
        """Stop recording."""
        for recorder in self.recorders.values():
            recorder.close()
        self.recorders.clear()

    def text(self) -> str:
        """Return the last requests as tables; empty if there were none."""
        chapters = list(tell(self.ring.all()).values())
        if not chapters:
            return ""
        lines = [
            f"{one.found.id:>3}  {clean(one.found.method)} {clean(one.found.path)}: {clean(summary_of(one.found))}"
            for one in chapters
        ]
        return "\n".join([*lines, "", *(write_sheet(sheet_of(one)) for one in chapters[-_SHOWN:])])


class _Plugin:
    """The hooks, with what they replace in this process."""

    def __init__(self) -> None:
        self.watcher: _Watcher | None = None
        self._run, self._send = FlaskClient.run_wsgi_app, Network._send_one
        plugin = self

        def run_wsgi_app(client: FlaskClient, environ: WSGIEnvironment, buffered: bool = False) -> object:
            if plugin.watcher is not None:
                plugin.watcher.watch(client.application)
            return plugin._run(client, environ, buffered)

        def _send_one(network: Network, outgoing: OutgoingRequest, *args: object) -> object:
            if plugin.watcher is not None:
                plugin.watcher.watch(network.hosts.app_for(outgoing.url))
            return t.cast("Method", plugin._send)(network, outgoing, *args)

        self._replaced: tuple[tuple[type, str, object, object], ...] = (
            (FlaskClient, "run_wsgi_app", self._run, run_wsgi_app),
            (Network, "_send_one", self._send, _send_one),
        )
        for cls, name, _, replacement in self._replaced:
            setattr(cls, name, replacement)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Begin with no requests, and stop recording when the test and its fixtures have ended."""
        watcher = self.watcher = _Watcher()
        try:
            return (yield)
        finally:
            self.watcher = None
            watcher.end()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the requests to the report of a failure."""
        report = yield
        if report.failed and self.watcher is not None:
            text = self.watcher.text()
            if text:
                report.sections.append(("Requests, as recorded by Tuile", text))
        return report

    def pytest_unconfigure(self) -> None:
        """Put back what was replaced."""
        for cls, name, original, _ in self._replaced:
            setattr(cls, name, original)


def pytest_configure(config: pytest.Config) -> None:
    """Watch the clients of this process."""
    config.pluginmanager.register(_Plugin(), "tuile-report")
