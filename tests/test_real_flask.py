"""The first hour: an application that says `tuile` with an extension that says `flask`, started in any way."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from tests.fresh import observe, run

if TYPE_CHECKING:
    from pathlib import Path

EXTENSION = """
from flask import Blueprint, current_app, g, request
import flask

def who():
    g.who = request.args.get("who", "nobody")
    return [current_app.name, g.who, flask.url_for("view")]

blueprint = Blueprint("extension", __name__)
blueprint.add_url_rule("/blueprint", "view", lambda: who())
"""
APP = """
app = Flask("shop")
app.testing = False

@app.route("/")
def view():
    import extension
    return extension.who()
"""
ASK = 'seen = app.test_client().get("/?who=me").json'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("extension.py").write_text(EXTENSION)
    return tmp_path


@pytest.mark.parametrize(
    "imports",
    [
        "from tuile import Flask",
        "import tuile\nimport extension\nfrom tuile import Flask",
        "from tuile.app import Flask",
    ],
)
def test_an_extension_that_imports_flask_works(folder: Path, imports: str) -> None:
    assert observe(f"{imports}\n{APP}\n{ASK}", shim=False, cwd=folder) == ["shop", "me", "/"]


def test_an_extension_works_under_pytest(folder: Path) -> None:
    folder.joinpath("shop.py").write_text(f"from tuile import Flask\n{APP}")
    folder.joinpath("test_shop.py").write_text(
        "from shop import app\ndef test_it():\n"
        '    assert app.test_client().get("/?who=me").json == ["shop", "me", "/"]\n'
    )
    run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"], cwd=folder)


def warning_of(program: str, folder: Path, **environment: str) -> list[str]:
    """The warnings that a program gives about Flask itself."""
    done = run([sys.executable, "-W", "always", "-c", dedent(program)], cwd=folder, environment=environment)
    return [line for line in done.stderr.splitlines() if "Flask itself" in line]


@pytest.mark.parametrize(
    "imports",
    ["import extension, tuile", "import flask\nfrom tuile import Flask", "import extension\nimport tuile.keys.ring"],
)
def test_flask_before_tuile_is_told_at_once_with_the_line_to_write(folder: Path, imports: str) -> None:
    (line,) = warning_of(f"{imports}\nimport tuile\ntuile.Flask('x'); tuile.Flask('y')", folder)
    assert line.startswith(f"<string>:{imports.count(chr(10)) + 1}: RuntimeWarning: ")
    assert f"the module that imported it is {'extension' if 'extension' in imports else '__main__'!r}" in line
    assert "Write 'import tuile' before the line that imports it, or start the program with 'tuile exec'" in line
    assert "set TUILE_SHIM=0" in line


def test_flask_that_comes_later_past_the_shim_is_told_when_an_application_is_made(folder: Path) -> None:
    program = """
        import sys, tuile
        sys.meta_path[:] = [finder for finder in sys.meta_path if not hasattr(finder, "is_tuile_shim")]
        import extension
        tuile.Flask("x")
        tuile.Flask("y")
        """
    (line,) = warning_of(program, folder)
    assert line.startswith("<string>:5: RuntimeWarning: ")


@pytest.mark.parametrize("value", ["0", "off", "no", "False"])
def test_who_wants_both_says_so(folder: Path, value: str) -> None:
    program = "import tuile, flask, extension; assert flask.Flask is not tuile.Flask; tuile.Flask('x')"
    assert warning_of(program, folder, TUILE_SHIM=value) == []
    assert warning_of("import flask, tuile; tuile.Flask('x')", folder, TUILE_SHIM=value) == []


@pytest.mark.parametrize("value", ["", "1", "on"])
def test_everything_else_leaves_the_shim_on(folder: Path, value: str) -> None:
    assert warning_of("import tuile, flask; assert flask.Flask is tuile.Flask", folder, TUILE_SHIM=value) == []


@pytest.mark.parametrize("where", ["view", "hook", "handler"])
@pytest.mark.parametrize("setting", ["DEBUG", "TESTING", "PROPAGATE_EXCEPTIONS", "ENV"])
def test_working_outside_of_a_context_has_a_hint_where_flask_itself_is_asked(
    folder: Path, where: str, setting: str
) -> None:
    program = f"""
        import warnings; warnings.simplefilter("ignore")
        import extension, logging, io, sys
        from tuile import Flask
        log = io.StringIO()
        logging.basicConfig(stream=log)
        app = Flask("shop")
        app.config["{setting}"] = True
        ask = extension.who
        if "{where}" == "view":
            app.add_url_rule("/", view_func=ask)
        elif "{where}" == "hook":
            app.before_request(ask)
        else:
            app.register_error_handler(404, lambda error: ask())
        try:
            app.test_client().get("/")
        except RuntimeError as error:
            print(error, file=log)
        seen = log.getvalue()
        """
    told: Any = observe(program, shim=False, cwd=folder)
    assert "Working outside of application context." in told or "Working outside of request context." in told
    assert "'extension' used Flask itself" in told
    assert "Write 'import tuile' before the line that imports it" in told


def test_the_hint_is_not_given_to_other_errors(folder: Path) -> None:
    program = """
        import warnings; warnings.simplefilter("ignore")
        import extension
        from tuile import Flask
        app = Flask("shop")
        app.testing = True
        @app.route("/")
        def view():
            raise RuntimeError("Working outside.")
        try:
            app.test_client().get("/")
        except RuntimeError as error:
            seen = str(error)
        """
    assert observe(program, shim=False, cwd=folder) == "Working outside."


def test_an_unasked_shim_leaves_the_cookie_checks_of_tests_on() -> None:
    program = """
        import tuile, flask
        from tuile.dispatch.plan import cookie_checks_of
        app = tuile.Flask("x")
        app.testing = True
        seen = cookie_checks_of(app)
        """
    assert observe(program, shim=False) == "error"
    assert observe(program) is None


def test_importing_tuile_loads_as_little_of_the_shim_as_can_be() -> None:
    loaded = observe("import sys, tuile; seen = sorted(sys.modules)", shim=False)
    assert [name for name in loaded if name.startswith("tuile.shim")] == ["tuile.shim"]
    assert not {"flask", "importlib.metadata", "importlib.util"} & set(
        observe(
            "import sys; old = set(sys.modules); import werkzeug, blinker, itsdangerous; old = set(sys.modules)\n"
            "import tuile; seen = sorted(set(sys.modules) - old)",
            shim=False,
        )
    )
