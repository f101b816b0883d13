"""Programs that `make fuzz` found to come out differently once, made small: each stands for a kind of fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fuzz.compare import compare
from tests.fuzz.pools import KEYS

if TYPE_CHECKING:
    from tests.fuzz.world import Program, Step

APP: Step = {"step": "app"}
WITH_KEY: Step = {"step": "app", "settings": [["SECRET_KEY", KEYS[0]]]}
RULE: Step = {"step": "rule", "rule": "/x", "endpoint": "x", "view": {"name": "x", "answer": {"is": "value"}}}
OTHER: Step = {**RULE, "rule": "/y", "endpoint": "y"}
REQUEST: Step = {"step": "request", "path": "/x"}
RAISE: Step = {"do": "raise", "error": "ValueError", "try": False}
RENDER: Step = {
    "do": "render",
    "how": "render_template_string",
    "source": "{{ request.path }}{{ session.a }}{{ g.missing.name }}",
}


def patch(owner: str, name: str, how: str) -> Step:
    """A step that replaces a method."""
    return {"step": "patch", "owner": owner, "name": name, "how": how}


def inside(how: str, *does: Step) -> Step:
    """A step that enters a context by hand."""
    return {"step": "inside", "how": how, "does": list(does)}


PROGRAMS: dict[str, Program] = {
    "a question mark in the path": [
        APP,
        {"step": "hook", "kind": "teardown_request", "does": [{"do": "read", "name": "url"}]},
        {"step": "request", "path": "/a?b"},
    ],
    "OPTIONS of a rule that was added without methods": [
        APP,
        {"step": "blueprint", "name": "b0", "options": {"url_prefix": "/<lang>"}},
        {**RULE, "rule": "/<word>", "on": "b0"},
        {"step": "register", "blueprint": "b0"},
        {"step": "registry", "how": "add rule", "rule": '/<regex(".*"):rest>', "endpoint": ".x"},
        {"step": "request", "path": "/en/ab", "method": "OPTIONS"},
    ],
    "a binding of the map raises at once": [APP, RULE, patch("url_map", "bind_to_environ", "raise"), REQUEST],
    "a binding of the map raises later": [APP, RULE, REQUEST, patch("url_map", "bind_to_environ", "raise"), REQUEST],
    "a binding of the map for an app context raises": [
        {"step": "app", "settings": [["SERVER_NAME", "localhost"]]},
        RULE,
        REQUEST,
        patch("url_map", "bind", "raise"),
        REQUEST,
    ],
    "the first request fails before it is dispatched": [
        APP,
        {**RULE, "options": {"redirect_to": "/n/<name>"}},
        REQUEST,
        OTHER,
        {"step": "request", "path": "/y"},
        RULE,
    ],
    "a receiver raises while a context is entered": [
        APP,
        RULE,
        {"step": "signal", "name": "appcontext_pushed", "does": [RAISE]},
        REQUEST,
        inside("app"),
        inside("request"),
    ],
    "a context that was not entered is left": [APP, RULE, patch("app", "app_context", "raise"), REQUEST],
    "a request class without a host": [
        {"step": "app", "derive": {"request": {"overrides": [["host", "pass"]]}}},
        RULE,
        inside("request"),
        REQUEST,
    ],
    "proxies outside of a context": [
        APP,
        inside("none", *({"do": "g", "how": how} for how in ("all", "in", "repr", "get", "attribute"))),
        inside("none", *({"do": "session", "how": how} for how in ("all", "bool", "get"))),
    ],
    "what g has not": [APP, inside("app", *({"do": "g", "how": how} for how in ("attribute", "del", "pop item")))],
    "the class of g is patched": [
        APP,
        patch("class g", "__getattr__", "pass"),
        inside("app", {"do": "g", "how": "attribute"}),
    ],
    "the class of g is patched before a subclass is made": [
        APP,
        patch("class g", "__setattr__", "pass"),
        {"step": "assign", "what": "class", "kind": "g"},
        inside("app", {"do": "g", "how": "set", "value": 1}, {"do": "g", "how": "all"}),
    ],
    "the class of g is patched after a subclass is made": [
        APP,
        {"step": "assign", "what": "class", "kind": "g"},
        inside("app", {"do": "g", "how": "set", "value": 1}, {"do": "g", "how": "all"}),
        patch("class g", "__setattr__", "pass"),
        inside("app", {"do": "g", "how": "set", "value": 1}, {"do": "g", "how": "all"}),
    ],
    "the environment of templates is patched": [
        APP,
        {**RULE, "view": {"name": "x", "does": [RENDER], "answer": {"is": "value"}}},
        REQUEST,
        patch("jinja_env", "from_string", "pass"),
        REQUEST,
        patch("jinja_env", "compile", "pass"),
        REQUEST,
        REQUEST,
    ],
    "a function that says which templates escape": [
        {"step": "app", "derive": {"flask": {"overrides": [["select_jinja_autoescape", "once"]]}}},
        {**RULE, "view": {"name": "x", "does": [RENDER, RENDER], "answer": {"is": "value"}}},
        REQUEST,
        REQUEST,
    ],
    "the client reads a body": [
        APP,
        RULE,
        patch("class response", "call_on_close", "pass"),
        {"step": "client", "paths": ["/x", "/missing"]},
    ],
    "a filter is called when a source is compiled": [
        {"step": "app", "derive": {"json": {"overrides": [["dumps", "pass"]]}}},
        {
            **RULE,
            "view": {"name": "x", "does": [{**RENDER, "source": "{{ {'a': '<'}|tojson }}"}], "answer": {"is": "value"}},
        },
        REQUEST,
        REQUEST,
    ],
    "a teardown renders in a transaction": [
        WITH_KEY,
        RULE,
        {"step": "hook", "kind": "teardown_request", "does": [RENDER]},
        {"step": "hook", "kind": "teardown_appcontext", "does": [RENDER]},
        {"step": "client", "paths": ["/x"], "transaction": True},
    ],
    "a teardown streams in a transaction": [
        WITH_KEY,
        RULE,
        {"step": "hook", "kind": "teardown_request", "does": [{**RENDER, "how": "stream_template_string"}]},
        {"step": "hook", "kind": "teardown_appcontext", "does": [{**RENDER, "how": "stream_template_string"}]},
        {"step": "client", "paths": ["/x"], "transaction": True},
    ],
    "a session that could not be opened is asked for again": [
        {"step": "app", "settings": [["SECRET_KEY", KEYS[0]], ["TESTING", True]]},
        {**RULE, "view": {"name": "x", "does": [{"do": "session", "how": "get"}] * 2, "answer": {"is": "value"}}},
        {
            "step": "hook",
            "kind": "teardown_request",
            "does": [{"do": "session", "how": how} for how in ("all", "get", "item", "set", "bool", "flags", "update")],
        },
        {"step": "assign", "what": "session", "overrides": [["open_session", "once"]]},
        REQUEST,
        REQUEST,
        {"step": "assign", "what": "session", "overrides": [["make_null_session", "raise"]]},
        {"step": "config", "how": "set", "key": "SECRET_KEY", "value": None},
        REQUEST,
        inside("request", {"do": "session", "how": "get"}, {"do": "session", "how": "get"}),
    ],
    "the body of an error page is looked at": [
        APP,
        {
            "step": "hook",
            "kind": "after_request",
            "does": [{"do": "respond", "how": "append"}, {"do": "respond", "how": "is"}],
        },
        {"step": "request", "path": "/missing"},
        {"step": "request", "path": "/missing", "method": "HEAD"},
    ],
    "the body of a response that was aborted with is looked at": [
        APP,
        {"step": "hook", "kind": "after_request", "does": [{"do": "respond", "how": "append"}]},
        {**RULE, "view": {"name": "x", "answer": {"is": "abort response"}}},
        REQUEST,
    ],
    "text among the parts of a body that is passed through": [
        APP,
        {
            "step": "hook",
            "kind": "after_request",
            "does": [{"do": "respond", "how": how} for how in ("stream", "passthrough")],
        },
        {**RULE, "view": {"name": "x", "answer": {"is": "generator"}}},
        REQUEST,
    ],
    "a response that is passed through is not closed": [
        APP,
        {
            "step": "hook",
            "kind": "after_request",
            "does": [{"do": "respond", "how": how} for how in ("passthrough", "on close")],
        },
        RULE,
        REQUEST,
    ],
    "an exception without a code has the status of Werkzeug's response": [
        APP,
        {**RULE, "view": {"name": "x", "answer": {"is": "exception object", "error": "HTTPException"}}},
        {"step": "assign", "what": "class attribute", "kind": "response", "name": "default_status", "value": 203},
        REQUEST,
    ],
    "a setting that the first request does not need is missing": [
        APP,
        RULE,
        {"step": "config", "how": "pop", "key": "SECRET_KEY_FALLBACKS"},
        {"step": "config", "how": "clear"},
        {"step": "request", "path": "/x"},
    ],
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_came_out_differently_comes_out_the_same(name: str) -> None:
    assert compare(PROGRAMS[name]) is None
