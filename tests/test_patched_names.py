"""A name of Flask's modules that a test replaces has the same effect as on Flask, but for the listed differences.

`patched_names.py` runs a program with each of them replaced, in a process for each of the two; `patched_names.toml` is
the list.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fresh import observe_both, run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
# Each of the two tries some 300 mocks.
PATIENCE_S = 400


def asked(file: Path, *options: str) -> dict[str, Any]:
    environment = {"PYTHONHASHSEED": "0", "TUILE_SHIM": "0"}
    run(
        [sys.executable, "-W", "ignore", HERE / "patched_names.py", *options, file],
        environment=environment,
        timeout_s=PATIENCE_S,
    )
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each mock is tried in a process of its own")
@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the list is that of CPython 3.11")
@pytest.mark.timeout(2 * PATIENCE_S)
def test_what_a_patch_does_otherwise_is_listed_and_what_is_listed_does(tmp_path: Path) -> None:
    theirs, ours = asked(tmp_path / "flask"), asked(tmp_path / "flask", "--tuile")
    assert theirs.pop("nothing patched") == ours.pop("nothing patched")
    assert len(theirs) > 150
    listed = tomllib.loads((HERE / "patched_names.toml").read_text())["difference"]
    differing = {name: (theirs[name], ours[name]) for name in theirs if theirs[name] != ours[name]}
    assert sorted(differing) == sorted(name for entry in listed for name in entry["names"]), differing


PATCHES = """
import flask
import flask.testing
from unittest import mock

app = flask.Flask("patches", static_folder=None)
app.secret_key = "a key that nobody guesses"
app.add_url_rule("/", "index", lambda: flask.render_template_string("text"))
app.add_url_rule("/json", "json", lambda: flask.jsonify(a=1))
client = app.test_client()
"""


def seen_by_both(program: str) -> Any:
    """Return what a program leaves in `seen`, which is the same on Flask and behind the shim."""
    return observe_both(f"{PATCHES}\n{program}")


@pytest.mark.parametrize("warm", [0, 40])
@pytest.mark.parametrize("how", ["", ", autospec=True", ", new_callable=mock.Mock", ", wraps=flask.signals.{name}"])
def test_a_patched_signal_is_sent_as_flask_sends_it(warm: int, how: str) -> None:
    sent = seen_by_both(f"""
for _ in range({warm}):
    client.get("/")
seen = []
for module, names in {{
    "app": "request_started request_finished request_tearing_down appcontext_tearing_down",
    "ctx": "appcontext_pushed appcontext_popped",
    "templating": "before_render_template template_rendered",
}}.items():
    for name in names.split():
        heard = []
        getattr(flask, name).connect(lambda sender, heard=heard, **values: heard.append(sorted(values)), weak=False)
        options = {how!r}.replace("{{name}}", name)
        with eval(f"mock.patch('flask.{{module}}.{{name}}'{{options}})") as signal:
            status = client.get("/").status_code
        during = len(heard)
        client.get("/")
        seen.append([name, status, len(signal.send.mock_calls), during, len(heard)])
        seen.append([sorted(call.kwargs) for call in signal.send.mock_calls])
        flask.signals._signals[getattr(flask, name).name].receivers.clear()
""")
    assert len(sent) == 16
    assert all(one[1] == 200 and one[2] == 1 for one in sent[::2])


def test_send_of_a_signal_may_be_replaced() -> None:
    seen = seen_by_both("""
seen = []
for _ in range(3):
    client.get("/")
with mock.patch.object(flask.request_started, "send") as send, mock.patch("flask.template_rendered.send") as other:
    client.get("/")
    seen.append([len(send.mock_calls), len(other.mock_calls), bool(flask.request_started.has_receivers_for(app))])
client.get("/")
seen.append([len(send.mock_calls), len(other.mock_calls), flask.request_started.receivers])
""")
    assert seen == [[1, 1, False], [1, 1, {}]]


def test_contexts_are_made_by_what_stands_for_their_class() -> None:
    seen = seen_by_both("""
seen = []
for _ in range(40):
    client.get("/")
for name in ("RequestContext", "AppContext"):
    kind = getattr(flask.ctx, name)

    class Own(kind):
        def push(self):
            seen.append(f"push {name}")
            super().push()

    with mock.patch(f"flask.app.{name}", Own):
        seen.append(client.get("/").text)
        with app.app_context():
            pass
    seen.append(client.get("/").text)
""")
    assert seen == ["push RequestContext", "text", "text", "push AppContext", "text", "push AppContext", "text"]


def test_another_application_may_stand_for_the_current_one() -> None:
    seen = seen_by_both("""
seen = []
def ask():
    with mock.patch("flask.helpers.current_app", new=mock.MagicMock()) as other:
        other.url_for.return_value = "/elsewhere"
        other.redirect.return_value = other.make_response.return_value = "made"
        seen.append([flask.url_for("x", _anchor="a", b=1), flask.redirect("/"), flask.make_response("x")])
        seen.append(sorted(other.url_for.call_args.kwargs))
    with mock.patch("flask.json.current_app", new=mock.MagicMock()) as other:
        other.json.dumps.return_value = other.json.response.return_value = "{}"
        seen.append([flask.json.dumps([1]), flask.jsonify([1])])
    with mock.patch("flask.templating.current_app", new=mock.MagicMock()) as other:
        template = other._get_current_object().jinja_env.from_string.return_value
        template.render.return_value = "page"
        seen.append(flask.render_template_string("x"))
ask()
with app.test_request_context():
    ask()
    seen.append([flask.url_for("index"), flask.json.dumps([1]), flask.render_template_string("x")])
""")
    assert (
        seen[:4]
        == seen[4:8]
        == [
            ["/elsewhere", "made", "made"],
            ["_anchor", "_external", "_method", "_scheme", "b"],
            ["{}", "{}"],
            "page",
        ]
    )
    assert seen[8] == ["/", "[1]", "x"]


def test_what_makes_a_part_of_an_application_may_be_replaced() -> None:
    seen = seen_by_both("""
seen = []
for name in (
    "app.cli",
    "app.get_flashed_messages",
    "sansio.app.DispatchingJinjaLoader",
    "sansio.scaffold.FileSystemLoader",
    "blueprints.AppGroup",
):
    with mock.patch(f"flask.{name}") as part:
        app = flask.Flask("parts")
        app.cli, app.jinja_env, app.jinja_loader, flask.Blueprint("b", "parts").cli
        used = bool(part.mock_calls) or app.jinja_env.globals["get_flashed_messages"] is part
    seen.append(used)
""")
    assert seen == [True] * 5


def test_the_serializer_of_sessions_may_be_replaced() -> None:
    seen = seen_by_both("""
app.add_url_rule("/set", "set", lambda: (flask.session.update(a=1), "set")[1])
for _ in range(3):
    client.get("/set")
with mock.patch("flask.sessions.URLSafeTimedSerializer") as kind:
    kind.return_value.dumps.return_value = "token"
    lines = app.test_client().get("/set").headers["Set-Cookie"]
    call = kind.call_args
seen = [lines, call.args[0], sorted(call.kwargs), app.test_client().get("/set").headers["Set-Cookie"] == lines]
""")
    assert seen == [
        "session=token; HttpOnly; Path=/",
        ["a key that nobody guesses"],
        ["salt", "serializer", "signer_kwargs"],
        False,
    ]


def test_the_functions_that_quote_redirect_and_write_json_may_be_replaced() -> None:
    seen = seen_by_both("""
seen = []
with app.test_request_context():
    before = [flask.url_for("index", _anchor="a b"), flask.redirect("/").location]
    with mock.patch("flask.app._url_quote", return_value="quoted") as quote:
        seen.append([flask.url_for("index", _anchor="a b"), quote.call_args.args, quote.call_args.kwargs])
    with mock.patch("flask.sansio.app._wz_redirect", return_value="made") as redirect:
        seen.append([flask.redirect("/x", 303), redirect.call_args.args, sorted(redirect.call_args.kwargs)])
    seen.append([flask.url_for("index", _anchor="a b"), flask.redirect("/").location] == before)
for target in ("flask.json.provider.json.dumps", "json.dumps"):
    other = flask.Flask("others")
    other.add_url_rule("/", "json", lambda: {"a": 1})
    other.add_url_rule("/x", "jsonify", lambda: flask.jsonify(a=1))
    with mock.patch(target, return_value="text"):
        seen.append([other.test_client().get("/").text, other.test_client().get("/x").text])
with mock.patch("flask.json.provider.json") as own:
    own.dumps.return_value = "mine"
    seen.append(client.get("/json").text)
seen.append(client.get("/json").text)
""")
    assert seen[:2] == [
        ["/#quoted", ["a b"], {"safe": "%!#$&'()*+,/:;=?@"}],
        ["made", ["/x"], ["Response", "code"]],
    ]
    assert seen[2:] == [True, ["text\n", "text\n"], ["text\n", "text\n"], "mine\n", '{"a":1}\n']


def test_nothing_is_left_of_a_name_that_was_replaced_or_deleted() -> None:
    seen = seen_by_both("""
import importlib, sys
parts = ["app", "blueprints", "ctx", "globals", "helpers", "json", "json.provider", "logging", "sansio.app"]
parts += ["sansio.blueprints", "sansio.scaffold", "sessions", "templating", "testing", "views", "wrappers"]
modules = [flask, *[importlib.import_module(f"flask.{part}") for part in parts]]
own = [module for name, module in list(sys.modules.items()) if name.startswith("tuile.") and ".shim" not in name]

def state():
    return {
        (module.__name__, name): value
        for module in own
        for name, value in vars(module).items()
        if not name.startswith("__") and (module.__name__, name) not in {
            ("tuile.invalidation", "classes"), ("tuile.invalidation", "epoch")
        }
    }

seen, names = [], [(module, name) for module in modules for name in dir(module) if not name.startswith("__")]
# What is imported late is there from the first time on.
for _ in range(2):
    before = state()
    for module, name in names:
        stock = getattr(module, name)
        setattr(module, name, object())
        setattr(module, name, object())
        setattr(module, name, stock)
        delattr(module, name)
        if hasattr(module, name):
            seen.append(["still there", module.__name__, name])
        setattr(module, name, stock)
    now = state()
seen.append([key for key in before if now.get(key) is not before[key]])
seen += [client.get("/").text, client.get("/json").text]
""")
    assert seen == [[], "text", '{"a":1}\n']


def test_a_module_that_is_reloaded_forgets_what_was_set_on_it() -> None:
    seen = seen_by_both("""
import importlib
import flask.helpers, flask.json
seen = []
with app.test_request_context():
    names = ("current_app", "current_app", "message_flashed")
    for module, name in zip((flask.helpers, flask.json, flask.helpers), names):
        other = mock.MagicMock()
        other.url_for.return_value = other.json.dumps.return_value = "other"
        setattr(module, name, other)
        importlib.reload(module)
        seen += [getattr(module, name) is other, module is flask.helpers and flask.helpers.url_for("index")]
        seen += [flask.json.dumps([1]), flask.flash("x"), len(other.send.mock_calls)]
""")
    assert seen == [False, "/", "[1]", None, 0, False, False, "[1]", None, 0, False, "/", "[1]", None, 0]
