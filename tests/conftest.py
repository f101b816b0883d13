"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuile import Flask
    from tuile.testing import FlaskClient


# The tests compare with the real Flask, so `import flask` must mean it whatever is imported first.
os.environ["TUILE_SHIM"] = "0"

# "ci" runs the same examples each time, on machines of any speed; "long" looks for new ones:
# HYPOTHESIS_PROFILE=long make test
any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", any_speed, derandomize=True)
settings.register_profile("long", any_speed, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect the tests without looking for garbage, and look for none among them later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture
def plans_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make plans for contexts at once, for tests that count what plans save."""
    from tuile.dispatch.planner import Planner  # noqa: PLC0415 - only after TUILE_SHIM was set

    monkeypatch.setattr(Planner, "WAITS", 0)


@pytest.fixture(autouse=True)
def _by_itself() -> Iterator[None]:
    """Run each test as if there were no others. It is one fixture, because it is set up 28,000 times."""
    from tuile import Flask  # noqa: PLC0415 - only after TUILE_SHIM was set
    from tuile.ctx.app_context import current  # noqa: PLC0415
    from tuile.dispatch.planner import Planner  # noqa: PLC0415
    from tuile.signals import _signals  # noqa: PLC0415

    assert current.get(None) is None
    # Plans are made at once, so that tests of one context test what plans allow; with PLANS=late as in applications.
    waits = Planner.WAITS if os.environ.get("PLANS") == "late" else 0
    with mock.patch.dict(os.environ), mock.patch.object(Planner, "WAITS", waits):
        # What the command line sets.
        for name in [name for name in os.environ if name.startswith("FLASK_")]:
            del os.environ[name]
        os.environ.pop("WERKZEUG_RUN_MAIN", None)
        yield
    # Receivers would be called in later tests.
    for signal in _signals.values():
        signal._clear_state()
    # All apps share the session interface; undoing a patch of a method sets the method on it.
    for name in list(vars(Flask.session_interface)):
        if name in vars(Flask.session_interface):
            delattr(Flask.session_interface, name)
    left = current.get(None)
    if left is not None:
        current.set(None)
    assert left is None, f"the test left a context behind: {left!r}"


@pytest.fixture
def app() -> Flask:
    """Return a testing application with a secret key and nothing registered."""
    # Imported here so that tests of lower layers run without the application.
    from tuile import Flask  # noqa: PLC0415

    application = Flask("tests", root_path=str(Path(__file__).parent))
    application.config.update(TESTING=True, SECRET_KEY="a secret for tests")
    return application


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a test client of `app`."""
    return app.test_client()
