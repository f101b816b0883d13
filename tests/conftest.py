"""Fixtures that several rooms' tests use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tuile import Flask
    from tuile.testing import FlaskClient


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
