"""From a seed to a program: an application, what is changed of it, and the requests in between."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from tests.fuzz import pools
from tests.fuzz.behaviours import HOWS
from tests.fuzz.generate_functions import Functions
from tests.fuzz.world import SIGNALS

if TYPE_CHECKING:
    from tests.fuzz.world import Program, Step

HOOKS = [
    "before_request",
    "after_request",
    "teardown_request",
    "url_value_preprocessor",
    "url_defaults",
    "context_processor",
    "errorhandler",
]
OF_APP = ["teardown_appcontext", "template_filter", "template_test", "template_global"]
OF_BLUEPRINT = ["before_app_request", "after_app_request", "teardown_app_request", "app_url_value_preprocessor", "app_url_defaults",
                "app_context_processor", "app_errorhandler"]  # fmt: skip
OPTIONS: list[tuple[str, list[Any]]] = [
    ("strict_slashes", [True, False]),
    ("defaults", [{"page": 1}, {"n": 1}, {"name": "d"}]),
    ("subdomain", ["api", "<sub>", "", "sub"]),
    ("host", ["example.com", "<host>", "api.example.com:8080", "sub.<host>"]),
    ("redirect_to", ["/plain", "function", "/n/<name>"]),
    ("alias", [True]),
    ("provide_automatic_options", [True, False]),
    ("merge_slashes", [True, False]),
    ("build_only", [True]),
    ("websocket", [True]),
]


class Generator(Functions):
    """One program's random choices; what was made so far is what later steps refer to."""

    def __init__(self, seed: str) -> None:
        super().__init__(Random(seed))
        self.seed = seed

    def program(self, requests: int) -> Program:
        """Make a program of that many requests."""
        steps: Program = [self.app()]
        for _ in range(self.random.choice([1, 1, 3, 6, 10])):
            steps += self.rules()
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            steps += self.blueprint_and_what_it_has()
        # Most programs have a few of the many things: faults sit between two or three of them.
        for _ in range(self.random.choice([0, 1, 2, 3, 5, 8])):
            steps.append(self.change(begun=False))
        changing = self.random.choice([0, 0.05, 0.15, 0.4])
        for _ in range(requests):
            if self.random.random() < changing:
                steps.append(self.change(begun=True))
            steps.append(self.request())
        return steps

    def app(self) -> Step:
        """The step that makes the application."""
        step: Step = {"step": "app"}
        options: dict[str, Any] = {}
        if self.chance(0.3):
            options["static_folder"] = "static"
            if self.chance(0.3):
                options["static_url_path"] = self.pick(["/files", "", "/static/"])
        if self.chance(0.08):
            options["host_matching"] = True
            if "static_folder" in options:
                options["static_host"] = "example.com"
            self.host_matching = True
        elif self.chance(0.12):
            options["subdomain_matching"] = True
        if options:
            step["options"] = options
        settings = [["SECRET_KEY", pools.KEYS[0]]] if self.chance(0.8) else []
        settings += [
            [name, self.pick(values)] for name, values in self.some(pools.SETTINGS, self.pick([0, 0, 1, 2, 4]))
        ]
        if settings:
            step["settings"] = settings
        if self.chance(0.3):
            step["derive"] = {
                kind: self.derived(kind) for kind in self.some(list(self.methods_of()), self.pick([1, 1, 2, 3]))
            }
            step["derive"].pop("context", None)
        return step

    def methods_of(self) -> dict[str, list[str]]:
        """The methods that may be overridden, by the kind of class."""
        return {
            "flask": pools.FLASK_METHODS + pools.FLASK_EARLY,
            "request": pools.REQUEST_METHODS,
            "response": pools.RESPONSE_METHODS,
            "session": pools.SESSION_METHODS,
            "json": pools.JSON_METHODS,
            "g": pools.G_METHODS,
            "config": pools.CONFIG_METHODS,
            "context": pools.CONTEXT_METHODS,
        }

    def derived(self, kind: str) -> Step:
        """What a subclass has of its own."""
        what: Step = {}
        names = self.some(self.methods_of()[kind], self.pick([0, 1, 1, 2, 4]))
        if names:
            what["overrides"] = [[name, self.pick(["quiet"] if kind == "config" else HOWS)] for name in names]
        if kind in pools.CLASS_ATTRIBUTES and self.chance(0.4):
            what["attributes"] = [list(pair) for pair in self.some(pools.CLASS_ATTRIBUTES[kind], 1)]
        return what

    def rules(self) -> list[Step]:
        """A rule or two, and sometimes the same endpoint again with defaults."""
        name = self.pick(list(pools.RULES))
        self.known[name] = pools.RULES[name][1]
        options: dict[str, Any] = {}
        methods = self.pick(pools.RULE_METHODS)
        if methods is not None:
            options["methods"] = methods
        if self.chance(0.2):
            for option, values in self.some(OPTIONS, self.pick([1, 1, 2])):
                options[option] = self.pick(values)
        if self.host_matching and self.chance(0.7):
            options.setdefault("host", self.pick(["localhost", "example.com", "<host>", "<sub>.example.com"]))
        step: Step = {"step": "rule", "rule": pools.RULES[name][0], "endpoint": name, "view": self.view(name)}
        if options:
            step["options"] = options
        self.endpoints.append(name)
        steps = [step]
        if name == "page" and self.chance(0.7):
            steps.insert(
                0, {"step": "rule", "rule": "/page/", "endpoint": "page", "options": {"defaults": {"page": 1}}}
            )
            self.known["page"] = [*self.known["page"], "/page/", "/page"]
        elif self.chance(0.1):
            other = self.pick(list(pools.RULES))
            self.known[f"{name} {other}"] = pools.RULES[other][1]
            steps.append(
                {
                    "step": "rule",
                    "rule": pools.RULES[other][0],
                    "endpoint": name,
                    "options": {"methods": [self.pick(["GET", "POST", "PUT"])]},
                }
            )
        return steps

    def blueprint_and_what_it_has(self) -> list[Step]:
        """A blueprint with rules and hooks, registered on the app or on another blueprint."""
        name = f"b{len(self.blueprints)}"
        options: dict[str, Any] = {}
        prefix = self.pick(["/blue", f"/{name}", None, "/<lang>", "/blue/"])
        if prefix is not None:
            options["url_prefix"] = prefix
        if self.chance(0.15):
            options.update(static_folder="static", static_url_path="/files")
        if self.chance(0.15):
            options["template_folder"] = "blue_templates"
        if self.chance(0.1):
            options["subdomain"] = "api"
        if self.chance(0.1):
            options["url_defaults"] = {"lang": "de"}
        steps: list[Step] = [{"step": "blueprint", "name": name, "options": options}]
        parent = self.pick(["app", "app", *self.blueprints])
        for _ in range(self.random.choice([1, 2])):
            rule = self.rules()[0]
            rule["on"] = name
            steps.append(rule)
            for path in pools.RULES[rule["endpoint"]][1][:3]:
                self.known.setdefault(name, []).append(f"{(prefix or '').replace('<lang>', 'en').rstrip('/')}{path}")
            self.endpoints += [f"{name}.{rule['endpoint']}", f".{rule['endpoint']}"]
        self.blueprints.append(name)
        steps += [self.hook(on=name) for _ in range(self.random.choice([0, 1, 2]))]
        register: Step = {"step": "register", "blueprint": name}
        if parent != "app":
            register["on"] = parent
        if self.chance(0.2):
            register["options"] = self.pick(
                [{"url_prefix": "/other"}, {"name": "renamed"}, {"subdomain": "sub"}, {"url_defaults": {"lang": "fr"}}]
            )
        # A nested one is recorded before its parent is registered.
        at = len(steps)
        steps.insert(at, register)
        return steps

    def hook(self, on: str = "app") -> Step:
        """A registered function of any kind."""
        kinds = HOOKS + HOOKS + (OF_APP if on == "app" else OF_BLUEPRINT)
        kind = self.pick(kinds)
        step: Step = {"step": "hook", "kind": kind}
        if on != "app":
            step["on"] = on
        if "error" in kind:
            step["for"] = self.pick([*pools.ERRORS, *pools.CODES[8:], *pools.ERRORS])
            if self.chance(0.8):
                step["answer"] = self.answer(depth=1)
        elif "before" in kind and self.chance(0.15):
            step["answer"] = self.answer(depth=1)
        elif "after" in kind and self.chance(0.1):
            step["answer"] = {"is": "response", "body": "after"}
        if "defaults" in kind or "url_value" in kind:
            step["key"] = self.pick(["lang", "n", "name", "page"])
        elif "context" in kind:
            step["value"] = self.pick(pools.VALUES)
            if self.chance(0.3):
                step["key"] = "name"
        if self.chance(0.6) and "defaults" not in kind and "template" not in kind:
            step["does"] = self.actions(kind="response" if "after" in kind else "any")
        return step

    def change(self, *, begun: bool) -> Step:
        """One change of the application; begun: whether requests have come already."""
        kinds = ["hook"] * (1 if begun else 4) + [
            "signal",
            "signal",
            "config",
            "config",
            "config",
            "patch",
            "patch",
            "patch",
            "patch",
            "assign",
        ]
        kinds += ["assign", "registry", "middleware", "inside", "inside", "client"]
        if begun:
            kinds += ["unpatch", "rule", "registry"]
        return getattr(self, f"change_{self.pick(kinds)}")()  # type: ignore[no-any-return] # a step

    def change_hook(self) -> Step:
        return self.hook()

    def change_rule(self) -> Step:
        return self.rules()[-1]

    def change_signal(self) -> Step:
        return self.signal()

    def signal(self) -> Step:
        """A receiver of a signal."""
        step: Step = {"step": "signal", "name": self.pick(SIGNALS)}
        if self.chance(0.5):
            step["mine"] = True
        if self.chance(0.3):
            step["does"] = self.actions(kind="any")
        return step

    def change_config(self) -> Step:
        return self.config()

    def change_patch(self) -> Step:
        return self.patch()

    def change_unpatch(self) -> Step:
        return {"step": "unpatch", "owner": "app", "name": self.pick(pools.FLASK_METHODS)}

    def change_assign(self) -> Step:
        return self.assign()

    def change_registry(self) -> Step:
        return self.registry()

    def change_middleware(self) -> Step:
        return {
            "step": "middleware",
            "how": self.pick(["pass", "prefix", "path", "method", "twice", "header", "answers"]),
        }

    def change_inside(self) -> Step:
        step: Step = {
            "step": "inside",
            "how": self.pick(["app", "request", "request", "none"]),
            "does": self.actions(kind="any"),
        }
        if step["how"] == "request":
            if self.chance(0.5):
                step["path"] = self.path()
            if self.chance(0.3):
                step["preprocess"] = True
            if self.chance(0.3):
                step["options"] = self.pick(
                    [
                        {"method": "POST", "json": {"a": 1}},
                        {"base_url": "https://example.com:8443/root"},
                        {"data": {"a": "1"}},
                    ]
                )
        return step

    def change_client(self) -> Step:
        step: Step = {"step": "client", "paths": [self.path() for _ in range(self.pick([1, 2]))]}
        if self.chance(0.3):
            step["follow"] = True
        if self.chance(0.3):
            step["transaction"] = True
        if self.chance(0.3):
            step["options"] = self.pick(
                [
                    {"json": [1]},
                    {"data": {"a": "b"}},
                    {"base_url": "http://sub.example.com"},
                    {"headers": {"X-Own": "1"}},
                ]
            )
            step["method"] = "POST"
        return step

    def request(self) -> Step:
        """A request, as often as not an ordinary one of a rule that exists."""
        step: Step = {"step": "request", "path": self.path()}
        method = self.pick(pools.METHODS)
        if method != "GET":
            step["method"] = method
        if self.chance(0.3):
            step["query"] = self.pick(pools.QUERIES)
        if self.chance(0.35 if self.host_matching else 0.12):
            step["host"] = self.pick(pools.HOSTS)
        if self.chance(0.15):
            step["headers"] = {
                name: self.pick(pools.HEADERS[name]) for name in self.some(list(pools.HEADERS), self.pick([1, 1, 2, 4]))
            }
        if self.chance(0.12):
            step["cookie"] = self.pick(pools.COOKIES)
        # Of two session cookies each framework takes another one, which is on the page of differences.
        if self.chance(0.3) or "session" in step.get("cookie", ""):
            step["jar"] = False
        if self.chance(0.5 if method in {"POST", "PUT", "PATCH"} else 0.05):
            step["body"] = list(self.pick(pools.BODIES))
        if self.chance(0.06):
            step["environ"] = self.pick(pools.ENVIRON)
        if self.chance(0.03):
            step["leaves"] = self.pick([0, 1])
        return step


def generate(seed: str, requests: int) -> Program:
    """Make the program of a seed."""
    return Generator(seed).program(requests)
