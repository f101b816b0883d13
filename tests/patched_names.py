"""What patches of names of Flask's modules do, as data: each name is replaced by a mock, and a program is run.

    python -m tests.patched_names [--tuile] FILE

It writes `{name: {"before": steps, "after": steps}}` to the file as JSON: which steps of the program then come to
something else than without the patch, in an application that had been used before, and in one that was made after it.
Run without an option it asks Flask itself, with `--tuile` Tuile behind the shim. `test_patched_names.py` compares.
"""

# mypy: ignore-errors

from __future__ import annotations

import dis
import importlib
import inspect
import json
import os
import re
import resource
import signal
import sys
import tempfile
import warnings
from pathlib import Path
from types import CodeType, ModuleType
from unittest import mock

MODULES = (
    *("app", "sansio.app", "sansio.blueprints", "sansio.scaffold", "blueprints", "cli", "ctx", "globals", "helpers"),
    *("json", "json.provider", "json.tag", "logging", "sessions", "signals", "templating", "testing", "views"),
    "wrappers",
)
# A program that a mock makes endless is stopped after so many seconds of processor time, or with so much memory.
PATIENCE_S = 2
MEMORY = 1 << 30


class Stopped(BaseException):
    """It took too long."""


def codes(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def used_names():
    """{module: its names that code of its functions looks up}: of Flask itself."""
    found = {}
    for part in MODULES:
        module = importlib.import_module(f"flask.{part}")
        top = compile(inspect.getsource(module), "flask", "exec")
        looked_up = {
            one.argval
            for code in codes(top)
            if code is not top
            for one in dis.get_instructions(code)
            if one.opname == "LOAD_GLOBAL"
        }
        found[f"flask.{part}"] = sorted(
            name
            for name, value in vars(module).items()
            if (name in looked_up or type(value).__name__ == "NamedSignal") and not isinstance(value, ModuleType)
        )
    return found


def make_app(flask, folder):
    app = flask.Flask("patched", root_path=folder)
    app.secret_key = "a key that nobody guesses"
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.logger.handlers.clear()
    app.logger.propagate = False
    app.before_request(lambda: setattr(flask.g, "seen", 1))
    app.after_request(lambda response: response)
    app.teardown_request(lambda error: None)
    app.errorhandler(418)(lambda error: "tea")
    app.cli.command("say")(lambda: print("said"))

    def write():
        flask.session["user"] = "ann"
        flask.flash("hello")
        return repr(flask.get_flashed_messages())

    def stream():
        return flask.stream_with_context(iter([flask.request.path]))

    def cookie():
        response = flask.make_response("set", 202)
        response.set_cookie("a", "b")
        return response

    views = {
        "hello": lambda: "hello",
        "json": lambda: {"a": [1]},
        "jsonify": lambda: flask.jsonify(a=1),
        "dumps": lambda: flask.json.dumps({"a": flask.json.loads("1")}),
        "redirect": lambda: flask.redirect(flask.url_for("hello", _anchor="é")),
        "abort": lambda: flask.abort(403),
        "fails": lambda: 1 / 0,
        "link": lambda: flask.url_for("static", filename="f.txt", _external=True),
        "write": write,
        "read": lambda: flask.session.get("user", "nobody"),
        "template": lambda: flask.render_template("page.html"),
        "text": lambda: flask.render_template_string("{{ request.path }}{{ url_for('hello') }}"),
        "stream": stream,
        "cookie": cookie,
        "form": lambda: flask.request.form.get("a", "none"),
        "body": lambda: repr(flask.request.get_json(silent=True)),
        "file": lambda: flask.send_file(Path(folder, "static", "f.txt"), etag=False),
        "where": lambda: f"{flask.request.url}{flask.request.blueprints}{flask.has_request_context()}",
    }
    for name, view in views.items():
        app.add_url_rule(f"/{name}", name, view, methods=["GET", "POST"])

    class Page(flask.views.MethodView):
        def get(self):
            return "page"

    app.add_url_rule("/page", view_func=Page.as_view("page"))
    blueprint = flask.Blueprint("blue", "patched", root_path=folder, url_prefix="/blue", static_folder="static")
    blueprint.add_url_rule("/<name>", "named", lambda name: flask.url_for(".named", name=name))
    blueprint.cli.command("say")(lambda: print("blue"))
    app.register_blueprint(blueprint)
    app.jinja_env.globals["made"] = True
    return app, [*views, "page", "blue/x", "blue/static/f.txt", "static/f.txt", "nothing"]


def answer(app, path):
    response = app.test_client().open(f"/{path}", method="POST" if path in {"form", "body"} else "GET", data={"a": "1"})
    return f"{response.status}{re.sub('session=[^;]+', 'session', str(response.headers))}{response.get_data(True)}"


def remembered(app):
    client = app.test_client()
    client.get("/write")
    return client.get("/read").text


def outside(app):
    with app.app_context():
        return importlib.import_module("flask").has_app_context()


def inside(app):
    with app.test_request_context("/hello?a=1"):
        return repr(app.full_dispatch_request())


def command(*arguments):
    return lambda app: app.test_cli_runner().invoke(args=list(arguments)).output


def served(app):
    with mock.patch("werkzeug.serving.run_simple") as server:
        app.run(load_dotenv=False)
        return repr(server.call_args)


def outcome(function, *arguments):
    signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)
    try:
        found = function(*arguments)
    except BaseException as error:
        found = f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return re.sub(r"0x[0-9a-f]+|id='\d+'|ETag: .*|Date: .*|tuile", "", str(found))


def all_outcomes(flask, made):
    app, paths = made
    found = {path: outcome(answer, app, path) for path in paths}
    others = {
        "remembered": remembered,
        "outside": outside,
        "inside": inside,
        "command": command("say"),
        "command of a blueprint": command("blue", "say"),
        "served": served,
        "logger": lambda app: flask.Flask("other").logger.name,
    }
    return found | {name: outcome(step, app) for name, step in others.items()}


def in_child(function):
    """What a function returns in a child process, which a mock may break."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            found = function()
        except BaseException as error:
            found = [f"{type(error).__name__}"]
        with os.fdopen(writes, "w") as pipe:
            json.dump(found, pipe)
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else ["died"]


def ask(flask, names, folder):
    used = make_app(flask, folder)
    for _ in range(3):
        stock = all_outcomes(flask, used)

    def changed(full_name, made):
        module, _, name = full_name.rpartition(".")
        with mock.patch.object(importlib.import_module(module), name, mock.MagicMock(name=name)):
            found = all_outcomes(flask, made or make_app(flask, folder))
        return sorted(step for step in found if found[step] != stock[step])

    answers = {"nothing patched": stock}
    for module in names:
        for name in names[module]:
            full_name = f"{module}.{name}"
            before = in_child(lambda full_name=full_name: changed(full_name, used))
            after = in_child(lambda full_name=full_name: changed(full_name, None))
            answers[full_name] = {"before": before, "after": after}
    return answers


def main():
    file = Path(sys.argv[-1])
    warnings.simplefilter("ignore")
    names_file = file.with_suffix(".names")
    if "--tuile" in sys.argv:
        import tuile.shim

        tuile.shim.install()
        names = json.loads(names_file.read_text())
    else:
        names = used_names()
        names_file.write_text(json.dumps(names))
    import flask
    import flask.testing
    import flask.views

    # Banners and logs.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

    def ring(*_):
        raise Stopped

    signal.signal(signal.SIGPROF, ring)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "templates").mkdir()
        Path(folder, "static").mkdir()
        Path(folder, "templates", "page.html").write_text("{{ request.path }}{{ get_flashed_messages() }}")
        Path(folder, "static", "f.txt").write_text("text")
        os.utime(Path(folder, "static", "f.txt"), (0, 0))
        answers = ask(flask, names, folder)
    file.write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
