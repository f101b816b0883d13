"""A pytest plugin: the fixtures that Flask-RESTX's tests ask for and that its source distribution leaves out.

Written from what the tests use: a client that answers with JSON, an API on a blueprint with the options of the marker
`api`, an application that is a mock, and a request of the marker `request_context` around a test.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    config.addinivalue_line("markers", "api(**options): options of the fixture `api`")
    config.addinivalue_line("markers", "request_context(*args, **kwargs): the request around the test")


@pytest.fixture
def app() -> Any:
    """An application whose client knows JSON."""
    # Imported here and not above: after the shim.
    from flask import Flask  # noqa: PLC0415
    from flask.testing import FlaskClient  # noqa: PLC0415

    class Client(FlaskClient):
        def checked(self, response: Any, status: int) -> Any:
            assert response.status_code == status
            assert response.content_type == "application/json"
            return json.loads(response.data.decode())

        def get_json(self, url: str, status: int = 200, **options: Any) -> Any:
            return self.checked(self.get(url, **options), status)

        def post_json(self, url: str, data: Any, status: int = 200, **_: Any) -> Any:
            sent = self.post(url, data=json.dumps(data), headers={"content-type": "application/json"})
            return self.checked(sent, status)

        def get_specs(self, prefix: str = "", status: int = 200, **options: Any) -> Any:
            return self.get_json(f"{prefix}/swagger.json", status=status, **options)

    application = Flask(__name__, subdomain_matching=True)
    application.test_client_class = Client
    return application


@pytest.fixture
def api(request: pytest.FixtureRequest, app: Any) -> Any:
    """An API on a blueprint of the application."""
    from flask import Blueprint  # noqa: PLC0415 - after the shim
    from flask_restx import Api  # type: ignore[import-not-found] # noqa: PLC0415 - only where this runs

    marker = request.node.get_closest_marker("api")
    options = dict(marker.kwargs) if marker else {}
    place = {"url_prefix": options.pop("prefix", None), "subdomain": options.pop("subdomain", None)}
    blueprint = Blueprint("api", __name__, **place)
    made = Api(blueprint, **options)
    app.register_blueprint(blueprint)
    return made


@pytest.fixture
def mock_app(mocker: Any) -> Any:
    """An application that is a mock, and therefore has no logger to configure."""
    from flask import Flask  # noqa: PLC0415 - after the shim
    from flask_restx import Api  # noqa: PLC0415 - only where this runs

    mocker.patch.object(Api, "_configure_namespace_logger")
    return mocker.Mock(Flask)


@pytest.fixture(autouse=True)
def _request_around_the_test(request: pytest.FixtureRequest) -> Iterator[None]:
    marker = request.node.get_closest_marker("request_context")
    if marker is None:
        yield
        return
    # Inside the request that pytest-flask puts around every test.
    if "_push_request_context" in request.fixturenames:
        request.getfixturevalue("_push_request_context")
    with request.getfixturevalue("app").test_request_context(*marker.args, **marker.kwargs):
        yield
