"""What random views and hooks do, what they answer, and the changes that may also happen within a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tests.fuzz import pools
from tests.fuzz.behaviours import HOWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from tests.fuzz.world import Step

T = TypeVar("T")

SESSION_HOWS = ["set", "set", "set", "get", "get", "item", "pop", "del", "clear", "permanent", "flags", "unmodified", "modified", "all", "update",
                "setdefault", "nested", "bool", "unserializable", "bytes", "tuple", "type"]  # fmt: skip
REQUEST_HOWS = ["get_json", "get_json silent", "get_json force", "get_data", "get_data text", "get_data parse", "stream", "stream some", "form item",
                "args item", "args int", "header", "repr", "own", "get own", "set remote_addr", "set host", "set path", "set method", "set view_args",
                "set url_rule", "set limit", "set routing_exception", "change view_args", "bool", "close", "on failure", "environ"]  # fmt: skip
G_HOWS = ["set", "set", "get", "attribute", "pop", "pop item", "del", "setdefault", "in", "all", "repr", "type"]
RESPOND_HOWS = ["set header", "add header", "del header", "del length", "status", "status_code", "data", "get_data", "cookie", "cookie",
                "cookie options", "delete cookie", "etag", "conditional", "conditional ranges", "freeze", "on close", "mimetype", "content_type",
                "location", "vary", "cache", "is", "iterable", "list", "append", "stream", "type", "headers object", "passthrough", "clear headers",
                "json"]  # fmt: skip
ACTION_KINDS = ["session", "session", "session", "flash", "read", "read", "request", "g", "g", "url_for", "url_for", "render", "after this", "log",
                "step", "contexts", "adapter", "raise", "abort"]  # fmt: skip
ANSWER_KINDS = ["value"] * 6 + ["special", "special", "bytes", "tuple", "tuple", "generator", "response", "response", "made", "wsgi", "json", "json",
                "file", "exception object", "raise", "raise", "abort", "abort", "abort text", "abort response", "redirect", "render", "stream",
                "url"]  # fmt: skip
URL_VALUES = [
    "_external",
    "_anchor",
    "_method",
    "_scheme",
    "n",
    "name",
    "rest",
    "page",
    "items",
    "word",
    "x",
    "lang",
    "id",
    "q",
    "ext",
    "a b",
    "sub",
]


class Functions:
    """Random choices about functions."""

    def __init__(self, random: Random) -> None:
        self.random = random
        # What there is so far.
        self.known: dict[str, list[str]] = {}
        self.endpoints: list[str] = []
        self.blueprints: list[str] = []
        self.host_matching = False
        self._inner = False

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.random.random() * len(values))]

    def some(self, values: Sequence[T], count: int) -> list[T]:
        return self.random.sample(values, min(count, len(values)))

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def path(self) -> str:
        """A path of a rule that exists, mostly."""
        if self.known and self.chance(0.9):
            paths = self.pick(list(self.known.values()))
            return paths[0] if self.chance(0.6) else self.pick(paths)
        return self.pick(pools.ODD_PATHS)

    def view(self, name: str) -> Step:
        """A view and what it does."""
        view: Step = {"name": name, "answer": self.answer()}
        if self.chance(0.55):
            view["does"] = self.actions()
        kind = self.random.random()
        if kind < 0.06:
            view["kind"] = "method view"
            view["has"] = self.pick([["get"], ["get", "post"], ["get", "head", "options"], ["delete", "put"]])
        elif kind < 0.1:
            view["kind"] = "view"
            view["init"] = self.chance(0.5)
            view["methods"] = self.pick(pools.RULE_METHODS)
        elif kind < 0.115:
            view["kind"] = "async"
        return view

    def actions(self, kind: str = "any") -> list[Step]:
        """A few actions; kind: "response" for those of functions that are given one."""
        count = self.pick([1, 1, 1, 2, 2, 3, 5])
        return [
            self.action("respond" if kind == "response" and self.chance(0.6) else self.pick(ACTION_KINDS))
            for _ in range(count)
        ]

    def action(self, kind: str) -> Step:
        """One action."""
        action: Step = {"do": kind}
        if self.chance(0.25):
            action["try"] = False
        random = getattr(self, f"action_{kind.replace(' ', '_')}", None)
        if random is not None:
            action.update(random())
        return action

    def action_session(self) -> Step:
        return {"how": self.pick(SESSION_HOWS), "key": self.pick(pools.WORDS), "value": self.pick(pools.VALUES)}

    def action_flash(self) -> Step:
        return {
            "how": self.pick(["flash", "flash", "get", "categories"]),
            "value": self.pick(["told", "h\xe9", {"a": 1}]),
            "key": self.pick(["message", "error"]),
        }

    def action_read(self) -> Step:
        return {"name": self.pick(pools.REQUEST_READS)}

    def action_request(self) -> Step:
        return {"how": self.pick(REQUEST_HOWS)}

    def action_g(self) -> Step:
        return {"how": self.pick(G_HOWS), "key": self.pick(["x", "y"]), "value": self.pick(pools.VALUES)}

    def action_url_for(self) -> Step:
        action: Step = {
            "endpoint": self.pick([*self.endpoints, *self.endpoints, "static", "none", ".none", "plain", ""])
        }
        values: dict[str, Any] = {}
        for name in self.some(URL_VALUES, self.pick([0, 1, 1, 2, 3, 5])):
            own: dict[str, list[Any]] = {
                "_external": [True, False],
                "_scheme": ["https", "", "ws", None],
                "_method": ["POST", "GET", "get"],
                "_anchor": ["x", "\xe9 y", ""],
                "n": [1, "1", -1, "x", 2, None],
                "items": [["a", "b"], "ab"],
            }
            values[name] = self.pick(own.get(name, pools.VALUES))
        if values:
            action["values"] = values
        return action

    def action_render(self) -> Step:
        if self.chance(0.5):
            return {"how": self.pick(["render_template", "stream_template"]), "source": self.pick(pools.TEMPLATES)}
        return {
            "how": self.pick(["render_template_string", "stream_template_string"]),
            "source": self.pick(pools.STRINGS),
        }

    def action_after_this(self) -> Step:
        return {"does": self.actions(kind="response")} if self.chance(0.7) else {}

    def action_log(self) -> Step:
        return {"how": self.pick(["debug", "info", "warning", "error", "exception"]), "value": self.pick(pools.VALUES)}

    def action_step(self) -> Step:
        if self._inner:
            return {"do": "log", "how": "info"}
        self._inner = True
        try:
            kind = self.pick(["config", "config", "patch", "patch", "assign", "registry", "hook", "request", "signal"])
            return {"step": getattr(self, kind)()}
        finally:
            self._inner = False

    def action_contexts(self) -> Step:
        action: Step = {"how": self.pick(["has", "current", "copied", "thread", "app", "request"])}
        if action["how"] in {"app", "request"} and not self._inner:
            self._inner = True
            action["does"] = self.actions()
            self._inner = False
        return action

    def action_adapter(self) -> Step:
        how = self.pick(["match", "methods", "build"])
        return {"how": how, "path": self.path(), "endpoint": self.pick([*self.endpoints, "none"]), "values": {"n": 1}}

    def action_respond(self) -> Step:
        return {
            "how": self.pick(RESPOND_HOWS),
            "key": self.pick(["k", "a", "session", "b c", "\xe9", ""]),
            "value": self.pick(pools.STATUSES),
        }

    def action_raise(self) -> Step:
        return {"error": self.pick(pools.ERRORS), "try": self.chance(0.2)}

    def action_abort(self) -> Step:
        return {"code": self.pick([*pools.CODES, 999, 0]), "try": self.chance(0.2)}

    def answer(self, depth: int = 0) -> Step:
        """What a view returns."""
        kind = self.pick(ANSWER_KINDS)
        if kind == "tuple" and depth > 1:
            kind = "value"
        answer: Step = {"is": kind}
        random = getattr(self, f"answer_{kind.replace(' ', '_')}", None)
        if random is not None:
            answer.update(random(depth) if kind == "tuple" else random())
        return answer

    def answer_value(self) -> Step:
        return {"value": self.pick([*["text"] * 4, *pools.VALUES])}

    def answer_special(self) -> Step:
        return {"what": self.pick(["none", "number", "object", "bytearray", "markup", "set", "nan", "request", "own text", "own dict", "surrogate",
                                   "empty tuple", "long tuple", "none tuple", "deep", "keys", "number keys", "view args", "view args", "no json"])}  # fmt: skip

    def answer_tuple(self, depth: int) -> Step:
        parts: list[Any] = self.pick([[self.pick(pools.STATUSES)], [self.pick(pools.RESPONSE_HEADERS)],
                                      [self.pick(pools.STATUSES), self.pick(pools.RESPONSE_HEADERS)]])  # fmt: skip
        return {"body": self.answer(depth + 1), "parts": parts}

    def answer_generator(self) -> Step:
        answer: Step = {
            "pieces": self.pick(
                [["a", "b"], [], ["a", "raise"], ["raise"], ["a", "read"], ["h\xe9"], ["read", "b", "c"]]
            )
        }
        if self.chance(0.3):
            answer["with context"] = True
        if self.chance(0.2):
            answer["bytes"] = True
        return answer

    def answer_response(self) -> Step:
        answer: Step = {}
        if self.chance(0.3):
            answer["status"] = self.pick(pools.STATUSES)
        if self.chance(0.2):
            answer["mimetype"] = self.pick(["text/plain", "application/json", "x/y"])
        if self.chance(0.1):
            answer["content_type"] = "text/x; charset=latin-1"
        if self.chance(0.2):
            answer["headers"] = self.pick([headers for headers in pools.RESPONSE_HEADERS if isinstance(headers, dict)])
        if self.chance(0.15):
            answer["foreign"] = True
        if self.chance(0.2):
            answer["body"] = self.pick(["", "h\xe9", ["a", "b"], None])
        if self.chance(0.4):
            answer["does"] = [self.action("respond") for _ in range(self.pick([1, 2, 3]))]
        return answer

    def answer_made(self) -> Step:
        return {
            "arguments": self.pick(
                [
                    [],
                    ["made"],
                    ["made", 201],
                    ["made", 201, {"X-A": "1"}],
                    [{"a": 1}],
                    [None],
                    [[1]],
                    ["x", {"X-B": "2"}],
                ]
            )
        }

    def answer_json(self) -> Step:
        return {"how": self.pick(["one", "one", "two", "named", "mixed"]), "value": self.pick(pools.VALUES)}

    def answer_file(self) -> Step:
        answer: Step = {"name": self.pick(pools.FILES), "how": self.pick(["file", "directory", "object"])}
        if self.chance(0.3):
            answer["age"] = 5
        return answer

    def answer_exception_object(self) -> Step:
        return {"error": self.pick([error for error in pools.ERRORS if error != "KeyError"])}

    def answer_raise(self) -> Step:
        return {"error": self.pick(pools.ERRORS)}

    def answer_abort(self) -> Step:
        return {"code": self.pick([*pools.CODES, 999])}

    answer_abort_text = answer_abort

    def answer_redirect(self) -> Step:
        return {
            "to": self.pick(["/plain", "rel", "//other", "http://x.com/\xe9", "/a b", ""]),
            "code": self.pick([302, 302, 301, 303, 308, 200]),
        }

    def answer_render(self) -> Step:
        return self.action_render()

    def answer_stream(self) -> Step:
        if self.chance(0.5):
            return {"how": "stream_template", "source": self.pick(pools.TEMPLATES)}
        return {"how": "stream_template_string", "source": self.pick(pools.STRINGS)}

    answer_url = action_url_for

    def config(self) -> Step:
        """A change of a setting, in one of the ways that a dict has."""
        key, values = self.pick(pools.SETTINGS)
        how = self.pick(["set", "set", "set", "update", "update named", "update pairs", "or", "setdefault", "mapping", "object", "dict", "replace",
                         "attribute", "pop", "del", "popitem", "clear", "prefixed", "dict pop"])  # fmt: skip
        if how in {"popitem", "clear", "pop", "del", "dict pop"} and self.chance(0.7):
            how = "set"
        return {"step": "config", "how": how, "key": key, "value": self.pick(values)}

    def patch(self) -> Step:
        """A method replaced, on a class or on one object."""
        owners: dict[str, list[str]] = {
            "app": pools.FLASK_METHODS,
            "app class": pools.FLASK_METHODS,
            "class flask": pools.FLASK_METHODS,
            "class request": pools.REQUEST_METHODS,
            "class response": pools.RESPONSE_METHODS,
            "class session": pools.SESSION_METHODS,
            "class json": pools.JSON_METHODS,
            "class g": pools.G_METHODS,
            "session_interface": pools.SESSION_METHODS,
            "json": pools.JSON_METHODS,
            "converter": ["to_python", "to_url"],
            "url_map": ["bind_to_environ", "bind", "iter_rules"],
            "jinja_env": ["get_template", "from_string", "select_template"],
            "request": ["get_json", "close", "get_data", "_load_form_data", "make_form_data_parser"],
        }
        owner = self.pick(["app", "app", *owners])
        return {"step": "patch", "owner": owner, "name": self.pick(owners[owner]), "how": self.pick(HOWS)}

    def assign(self) -> Step:
        """Something of the app's replaced by something else."""
        what = self.pick(["class", "class", "json", "session", "class attribute", "attribute", "attribute", "aborter"])
        step: Step = {"step": "assign", "what": what}
        if what == "class":
            step["kind"] = self.pick(["request", "response", "g"])
            step.update(self.derived(step["kind"]))  # type: ignore[attr-defined] # the generator's
        elif what in {"json", "session"}:
            step.update(self.derived(what))  # type: ignore[attr-defined] # the generator's
        elif what == "class attribute":
            step["kind"] = self.pick(["response", "request", "session", "json"])
            step["name"], step["value"] = self.pick(pools.CLASS_ATTRIBUTES[step["kind"]])
        elif what == "attribute":
            step["owner"], step["name"], step["value"] = self.pick([
                ("app", "debug", True), ("app", "testing", True), ("app", "secret_key", pools.KEYS[1]), ("app", "subdomain_matching", True),
                ("json", "sort_keys", False), ("json", "compact", True), ("json", "ensure_ascii", False), ("json", "mimetype", "text/own"),
                ("session_interface", "salt", "own"), ("url_map", "strict_slashes", False), ("url_map", "merge_slashes", False),
                ("url_map", "redirect_defaults", False), ("url_map", "default_subdomain", "sub"), ("app", "name", "renamed"),
                ("url_map", "host_matching", True), ("url_map", "sort_parameters", True), ("app", "permanent_session_lifetime", 5),
                ("app", "extra", 1), ("json", "extra", 1), ("rule", "provide_automatic_options", False), ("app", "static_folder", "static"),
            ])  # fmt: skip
        return step

    def registry(self) -> Step:
        """What is registered, changed by hand."""
        how = self.pick(["clear", "clear", "replace view", "replace view", "pop view", "reverse", "clear teardown", "add rule", "build error", "map flag",
                         "converters", "got first", "jinja"])  # fmt: skip
        step: Step = {"step": "registry", "how": how, "n": int(self.random.random() * 7)}
        if "view" in how:
            step["endpoint"] = self.pick([*self.endpoints, "none"])
            if how == "replace view":
                step["view"] = {"name": "replaced", "answer": self.answer(depth=1)}
        elif how == "add rule":
            name = self.pick(list(pools.RULES))
            self.known[name] = pools.RULES[name][1]
            step.update(
                rule=pools.RULES[name][0],
                endpoint=self.pick([*self.endpoints, name]),
                methods=self.pick(pools.RULE_METHODS),
            )
        elif how == "map flag":
            step["flag"], step["value"] = self.pick(
                [
                    ("strict_slashes", False),
                    ("merge_slashes", False),
                    ("redirect_defaults", False),
                    ("sort_parameters", True),
                ]
            )
        elif how == "got first":
            step["value"] = self.chance(0.3)
        return step
