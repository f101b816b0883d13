"""The command doctor: what an application runs on, and what does not work or is slow."""

from __future__ import annotations

import ast
import io
import json
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.routing import Map as WerkzeugMap

import tuile
from tests.costs import entered
from tests.fresh import run
from tuile.cli.doctor.application import describe_application, examine_application
from tuile.cli.doctor.sources import find_missing_names, inner_names
from tuile.sessions import SecureCookieSessionInterface

if TYPE_CHECKING:
    from collections.abc import Callable

TUILE = Path(sys.executable).with_name("tuile")


class Plain(tuile.Flask):
    """An application without anything unusual."""


def findings(app: tuile.Flask, kind: str) -> dict[str, str]:
    """{subject: reason} of one kind."""
    return {finding.subject: finding.reason for finding in examine_application(app) if finding.kind == kind}


def make_app(cls: type[tuile.Flask] = Plain, **options: Any) -> tuile.Flask:
    app = cls(__name__, static_folder=None, **options)
    app.secret_key = "5e83a7d1f6094bc2c1f0b6e2d94a7385"
    app.add_url_rule("/", view_func=lambda: "hello", endpoint="hello")
    return app


# What is slow


class OwnRequest(tuile.Request):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class OwnResponse(tuile.Response):
    def get_wsgi_headers(self, environ: Any) -> Any:
        return super().get_wsgi_headers(environ)


class OwnSession(SecureCookieSessionInterface):
    pass


class OwnAdapter(Plain):
    def create_url_adapter(self, request: Any) -> Any:
        return super().create_url_adapter(request)


class OwnTeardown(Plain):
    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        super().do_teardown_request(exc)


class OwnSync(Plain):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return super().ensure_sync(func)


def with_request_class(app: tuile.Flask) -> None:
    app.request_class = OwnRequest


def with_response_class(app: tuile.Flask) -> None:
    app.response_class = OwnResponse


def with_session_interface(app: tuile.Flask) -> None:
    app.session_interface = OwnSession()


def with_coroutine(app: tuile.Flask) -> None:
    async def hello() -> str:
        return "hello"

    app.view_functions["hello"] = hello


def with_teardown_on_the_app(app: tuile.Flask) -> None:
    original = app.do_teardown_appcontext
    app.do_teardown_appcontext = lambda exc=None: original(exc)  # type: ignore[method-assign] # as agents do


class OtherMap(WerkzeugMap):
    pass


class OwnMap(Plain):
    url_map_class = OtherMap  # type: ignore[assignment] # Werkzeug's is what some set here


def own(name: str) -> str:
    return f"{__name__}.{name}"


SLOW: dict[str, tuple[type[tuile.Flask], dict[str, Any], Callable[[tuile.Flask], None]]] = {
    own("OwnRequest"): (Plain, {}, with_request_class),
    own("OwnResponse"): (Plain, {}, with_response_class),
    own("OwnSession"): (Plain, {}, with_session_interface),
    own("OtherMap"): (OwnMap, {}, lambda app: None),
    "subdomain_matching": (Plain, {"subdomain_matching": True}, lambda app: None),
    "host_matching": (Plain, {"host_matching": True}, lambda app: None),
    "view 'hello'": (Plain, {}, with_coroutine),
    "create_url_adapter": (OwnAdapter, {}, lambda app: None),
    "do_teardown_request": (OwnTeardown, {}, lambda app: None),
    "do_teardown_appcontext": (Plain, {}, with_teardown_on_the_app),
    "ensure_sync": (OwnSync, {}, lambda app: None),
}


def frames_of_a_request(app: tuile.Flask) -> int:
    """How many Python functions a warm request enters."""

    def ask() -> None:
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "HTTP_HOST": "localhost",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
        }
        b"".join(app(environ, lambda status, headers, exc_info=None: lambda data: None))

    for _ in range(3):
        ask()
    return len(entered(ask))


@pytest.mark.parametrize("subject", SLOW)
def test_what_is_said_to_go_the_slow_way_enters_more_functions(subject: str) -> None:
    cls, options, change = SLOW[subject]
    app, plain = make_app(cls, **options), make_app()
    change(app)
    reasons = [f"{finding.subject} {finding.reason}" for finding in examine_application(app) if finding.kind == "slow"]
    assert reasons
    assert all(subject in reason for reason in reasons)
    assert findings(plain, "slow") == {}
    assert frames_of_a_request(app) > frames_of_a_request(plain)


def test_a_response_class_that_is_not_flasks_is_named() -> None:
    from werkzeug.wrappers import Response  # noqa: PLC0415 - for this test

    app = make_app()
    app.response_class = Response  # type: ignore[assignment] # as some do
    (reason,) = findings(app, "slow").values()
    assert reason.startswith("is taken, but werkzeug.wrappers.response.Response has methods of its own")


def test_a_finding_says_where_the_code_is() -> None:
    (finding,) = (finding for finding in examine_application(make_app(OwnAdapter)) if finding.kind == "note")
    file, line = finding.where.rsplit(":", 1)
    assert file == __file__
    assert "def create_url_adapter" in Path(__file__).read_text(encoding="utf-8").splitlines()[int(line) - 1]


# What is good to know


def test_overridden_and_wrapped_steps_are_named_with_their_owner() -> None:
    class Custom(Plain):
        def dispatch_request(self) -> Any:
            return super().dispatch_request()

    app = make_app(Custom)
    app.wsgi_app = lambda *arguments: Custom.wsgi_app(app, *arguments)  # type: ignore[method-assign] # middleware
    notes = findings(app, "note")
    assert set(notes) == {"dispatch_request", "wsgi_app"}
    assert "overridden in tests.test_doctor.test_overridden" in notes["dispatch_request"]
    assert notes["wsgi_app"].startswith("is wrapped or overridden on this application")


def test_a_class_that_was_patched_in_place_is_seen_through_a_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    wrapt = pytest.importorskip("wrapt")
    original = tuile.Flask.__call__
    monkeypatch.setattr(
        tuile.Flask,
        "__call__",
        wrapt.FunctionWrapper(original, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs)),
    )
    assert "__call__" in findings(make_app(), "note")


def test_keys_that_are_none_and_keys_that_can_be_guessed_are_told() -> None:
    app = make_app(tuile.Flask)
    app.config["SECRET_KEY_RETIRED"] = ["7FECA408"]
    assert "Entry 1 of SECRET_KEY_RETIRED" in findings(app, "fails")["the keys"]
    app.config.update(SECRET_KEY_RETIRED=None, SECRET_KEY_FALLBACKS=["hunter2"])
    assert set(findings(app, "doubtful")) == {"A key in SECRET_KEY_FALLBACKS"}
    app.config.update(SECRET_KEY=["key"])
    assert "SECRET_KEY must be text or bytes" in findings(app, "fails")["the keys"]


def test_an_ordinary_application_has_nothing_to_tell() -> None:
    assert [finding for finding in examine_application(make_app(tuile.Flask)) if finding.kind != "note"] == []
    assert findings(make_app(tuile.Flask), "note") == {}


def test_a_missing_secret_key_is_told() -> None:
    app = make_app()
    app.secret_key = None
    assert "sessions cannot be written" in findings(app, "note")["SECRET_KEY"]


def test_a_coroutine_function_without_asgiref_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asgiref.sync", None)
    app = make_app()
    with_coroutine(app)
    assert "tuile[async]" in findings(app, "fails")["view 'hello'"]


def test_an_application_is_described_without_calling_it() -> None:
    app = make_app()
    app.extensions["things"] = object()
    facts = describe_application(app)
    assert facts["rules"] == 1
    assert facts["extensions"] == ["things"]
    assert facts["class"] == own("Plain")
    assert json.dumps(facts)


# What the sources want


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from flask import Flask, request", []),
        ("from flask import Markup", ["flask.Markup"]),
        ("from flask import Markup as M, Flask", ["flask.Markup"]),
        ("from flask.globals import _request_ctx_stack", ["flask.globals._request_ctx_stack"]),
        ("import flask\nflask.Flask\nflask.escape", ["flask.escape"]),
        ("import flask as f\nf.escape", ["flask.escape"]),
        ("import flask.globals\nflask.globals.nothing", ["flask.globals.nothing"]),
        ("import flask.json.tag as tag\ntag.TagDict, tag.nothing", ["flask.json.tag.nothing"]),
        ("from flask import globals as g\ng.request_ctx, g.nothing", ["flask.globals.nothing"]),
        ("import flask.nothing", ["flask.nothing"]),
        ("from flask.scaffold import Scaffold", ["flask.scaffold.Scaffold"]),
        ("def later():\n    from flask import Markup", ["flask.Markup"]),
        ("try:\n    from flask import Markup\nexcept ImportError:\n    Markup = str", []),
        ("try:\n    from flask import Markup\nexcept (KeyError, ImportError):\n    pass", []),
        ("try:\n    from flask import Markup\nexcept KeyError:\n    pass", ["flask.Markup"]),
        ("try:\n    pass\nexcept ImportError:\n    from flask import Markup", ["flask.Markup"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from flask import Markup", []),
        ("import flask\nflask.new = 1", []),
        ("from flask import *", []),
        ("from .flask import anything\nfrom flask_nothing import anything", []),
        ("import flask\nflask.__version__", []),
        ("request_ctx._inner", ["._inner"]),
        ("class Mine:\n    def f(self):\n        self._inner = 1\n        return self._inner", []),
        ("getattr(request_ctx, '_inner', None)", []),
    ],
)
def test_names_of_flask_that_a_source_uses_and_tuile_lacks_are_found(source: str, expected: list[str]) -> None:
    missing = find_missing_names(ast.parse(source), frozenset({"_inner"}))
    assert [f"{name.module}.{name.name}" for name in missing] == expected


def test_the_names_flask_keeps_to_itself_are_read_from_its_files() -> None:
    # Whatever they are: those that extensions are known to use are not among them.
    names = inner_names()
    assert all(name.startswith("_") for name in names)
    assert not names & {"_session", "_after_request_functions", "_got_first_request", "_get_exc_class_and_code"}


# The command


def doctor(folder: Path, *arguments: str, check: bool = True, **environment: str) -> Any:
    done = run([TUILE, *arguments, "doctor", "--json"], cwd=folder, check=check, environment=environment)
    return json.loads(done.stdout)


def write_app(folder: Path, text: str, name: str = "app.py") -> None:
    folder.joinpath(name).write_text(dedent(text))


def test_the_command_reports_process_and_application(tmp_path: Path) -> None:
    write_app(tmp_path, "from flask import Flask\napp = Flask(__name__)\napp.secret_key = 'p8Xw2LkQv9ZrT4nYb7Jd5c'")
    report = doctor(tmp_path)
    assert report["process"]["shim_installed"] is True
    assert report["process"]["started_by_tuile_exec"] is False
    assert report["process"]["interface"] == "Flask 3.1.3"
    assert set(report["process"]["packages"]) >= {"werkzeug", "jinja2"}
    assert report["application"]["class"] == "flask.app.Flask"
    (finding,) = report["findings"]
    assert (finding["kind"], finding["subject"]) == ("note", "tuile")
    assert "by plain python, pytest or gunicorn it runs on Flask" in finding["reason"]
    text = run([TUILE, "doctor"], cwd=tmp_path).stdout
    assert "No problems found." in text
    assert "shim installed: yes" in text


def test_names_that_the_application_and_its_modules_lack_are_reported(tmp_path: Path) -> None:
    write_app(
        tmp_path,
        """
        from flask import Flask
        import extension
        app = Flask(__name__)
        app.secret_key = "5e83a7d1f6094bc2c1f0b6e2d94a7385"
        def later():
            from flask.cli import _path_is_ancestor
        """,
    )
    write_app(tmp_path, "def later():\n    from flask import Markup\n", "extension.py")
    found = {finding["subject"]: finding for finding in doctor(tmp_path)["findings"]}
    assert {found[name]["kind"] for name in ("app", "extension")} == {"doubtful"}
    assert "which Tuile does not have" in found["app"]["reason"]
    assert "neither Tuile nor Flask 3.1.3 has" in found["extension"]["reason"]
    assert found["extension"]["where"] == f"{tmp_path / 'extension.py'}:2"
    assert "May not work" in run([TUILE, "doctor"], cwd=tmp_path).stdout


def test_an_application_that_cannot_be_loaded_is_reported_with_the_reason(tmp_path: Path) -> None:
    write_app(tmp_path, "import flask\n1 / 0")
    report = doctor(tmp_path, check=False)
    (finding,) = report["findings"]
    assert "ZeroDivisionError" in finding["reason"]
    assert finding["where"] == f"{tmp_path / 'app.py'}:2"
    assert report["application"] is None
    done = run([TUILE, "--app", "nothing", "doctor"], cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "Could not import 'nothing'." in done.stdout


EXTENSION = "from flask import current_app\ndef name():\n    return current_app.name\n"


@pytest.mark.parametrize(
    ("app", "kind"),
    [
        ("import tuile\nimport extension\nfrom tuile import Flask\n", None),
        ("from tuile import Flask\nimport extension\n", None),
        ("import extension\nfrom tuile import Flask\n", "fails"),
        ("import extension\ndef make():\n    from tuile import cookies\nfrom flask import Flask\n", "fails"),
        ("import extension\nfrom flask import Flask\n", "note"),
    ],
)
def test_what_plain_python_makes_of_the_application_is_told(tmp_path: Path, app: str, kind: str | None) -> None:
    write_app(tmp_path, f"{app}app = Flask(__name__)\napp.secret_key = 'p8Xw2LkQv9ZrT4nYb7Jd5c'\n")
    write_app(tmp_path, EXTENSION, "extension.py")
    findings = doctor(tmp_path, check=False)["findings"]
    assert [finding["kind"] for finding in findings] == ([] if kind is None else [kind])
    if kind == "fails":
        assert findings[0]["subject"] == "extension"
        assert "let 'import tuile' be its first line" in findings[0]["reason"]
    # What it says is so.
    program = "import sys, app, flask; print(type(flask).__name__, app.Flask is flask.Flask)"
    plain = run([sys.executable, "-W", "ignore", "-c", program], cwd=tmp_path).stdout.split()
    assert plain == {None: ["FlaskModule", "True"], "fails": ["module", str("tuile import Flask" not in app)]}.get(
        kind, ["module", "True"]
    )


def test_a_switch_that_turns_the_shim_off_is_told(tmp_path: Path) -> None:
    write_app(
        tmp_path,
        "from tuile import Flask\napp = Flask(__name__)\napp.secret_key = 'p8Xw2LkQv9ZrT4nYb7Jd5c'\n",
    )
    (finding,) = doctor(tmp_path, TUILE_SHIM="0")["findings"]
    assert (finding["kind"], finding["subject"]) == ("note", "TUILE_SHIM=0")


def test_without_an_application_the_process_is_reported(tmp_path: Path) -> None:
    done = run([TUILE, "doctor"], cwd=tmp_path)
    assert "Could not locate a Flask application." in done.stdout
    assert "werkzeug 3.1" in done.stdout


def test_modules_that_use_the_real_flask_are_reported(tmp_path: Path) -> None:
    write_app(tmp_path, "from flask import Flask\nkept = Flask", "sitecustomize.py")
    write_app(tmp_path, "from flask import Flask\napp = Flask(__name__)")
    done = run([TUILE, "doctor", "--json"], cwd=tmp_path, check=False, environment={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["process"]["shim_installed"] is False
    subjects = {finding["subject"]: finding for finding in report["findings"] if finding["kind"] == "fails"}
    assert "import flask" in subjects
    assert subjects["sitecustomize"]["where"] == str(tmp_path / "sitecustomize.py")


@pytest.mark.parametrize(("option", "told"), [("-S", "python -S"), ("-I", "python -I"), ("-E", "python -E")])
def test_the_limits_of_exec_are_reported_where_they_apply(tmp_path: Path, option: str, told: str) -> None:
    # -S has no site-packages, so they are put on the path here.
    prepare = f"import sys; sys.path[:] = {sys.path!r}; sys.argv = ['tuile', 'doctor', '--json']"
    program = f"{prepare}; from tuile.cli import main; main()"
    done = run([sys.executable, option, "-c", program], cwd=tmp_path)
    notes = {finding["subject"]: finding["reason"] for finding in json.loads(done.stdout)["findings"]}
    assert "'tuile exec' has no effect on a program that is started this way" in notes[told]


def test_a_process_below_exec_is_reported_as_such(tmp_path: Path) -> None:
    done = run([TUILE, "exec", TUILE, "doctor", "--json"], cwd=tmp_path)
    process = json.loads(done.stdout)["process"]
    assert process["started_by_tuile_exec"] is True
    # Some systems' Python, Debian's for one, has a sitecustomize of its own, which ours has run and left in its place.
    program = "import sys; print(getattr(sys.modules.get('sitecustomize'), '__file__', ''))"
    systems_own = run([sys.executable, "-c", program], cwd=tmp_path).stdout.strip()
    assert process["sitecustomize"].endswith(systems_own or "/shim/start/sitecustomize.py")
