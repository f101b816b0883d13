"""Fixtures that several rooms' tests use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuile import Flask
    from tuile.testing import FlaskClient


# The tests compare with Flask itself, which `import flask` has to mean whoever imports Tuile first.
os.environ["TUILE_SHIM"] = "0"

# The same examples each time, on machines of any speed.
settings.register_profile("tuile", deadline=None, derandomize=True)
settings.load_profile("tuile")


@pytest.fixture(autouse=True)
def _environment_of_its_own() -> Iterator[None]:
    """Start each test without what the command line puts into the environment, and put back what it changes."""
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("FLASK_")]:
            del os.environ[name]
        os.environ.pop("WERKZEUG_RUN_MAIN", None)
        yield


@pytest.fixture(autouse=True)
def _signals_without_receivers() -> Iterator[None]:
    """Disconnect what a test has connected: receivers are held by the process, and a request walks what is there."""
    yield
    from tuile.signals import _signals  # noqa: PLC0415 - as below

    for signal in _signals.values():
        signal._clear_state()


@pytest.fixture
def app() -> Flask:
    """A testing application with a secret key and nothing registered."""
    # Imported here, not above: the tests of the lower rooms run without the application.
    from tuile import Flask  # noqa: PLC0415

    application = Flask("tests", root_path=str(Path(__file__).parent))
    application.config.update(TESTING=True, SECRET_KEY="a secret for tests")
    return application


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A test client of `app`."""
    return app.test_client()
