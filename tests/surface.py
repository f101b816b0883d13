"""What an extension can see of Flask, as data: everything that it can ask, asked in one process.

    python -m tests.surface [--tuile] FILE

It writes `{question: answer}` to the file as JSON. Run without an option it asks Flask itself, with `--tuile` it asks
Tuile behind the shim. `test_surface.py` compares the two.
"""

# mypy: ignore-errors

from __future__ import annotations

import abc
import collections.abc
import copy
import dataclasses
import enum
import importlib
import inspect
import json
import pickle
import pkgutil
import re
import sys
import typing
import weakref
from contextlib import suppress
from types import FunctionType, ModuleType
from unittest import mock

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Facts = dict[str, typing.Any]

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
# What Python itself puts on modules and classes, and that differs with where the source is.
_PYTHONS = frozenset(
    [
        "__annotations__",
        "__annotate__",
        "__annotate_func__",
        "__annotations_cache__",
        "__builtins__",
        "__cached__",
        "__conditional_annotations__",
        "__dict__",
        "__doc__",
        "__file__",
        "__firstlineno__",
        "__loader__",
        "__module__",
        "__name__",
        "__package__",
        "__path__",
        "__spec__",
        "__static_attributes__",
        "__weakref__",
        "__slots__",
        "__abstractmethods__",
        "_abc_impl",
        "__orig_bases__",
        "__parameters__",
        "__classdictcell__",
        "__set_name__",
    ]
)
_ABCS = [
    getattr(collections.abc, name)
    for name in sorted(collections.abc.__all__)
    if isinstance(getattr(collections.abc, name), type)
]


def text_of(value: object) -> str:
    """The repr of a value, without addresses and folders."""
    try:
        text = _ADDRESS.sub("", repr(value))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return re.sub(r"(/[^\s'\":]+)+", "/...", text)


def outcome(function: Callable[[], typing.Any]) -> str:
    """What a call comes to: a text."""
    try:
        return text_of(function())
    except Exception as error:
        return f"{type(error).__name__}: {_ADDRESS.sub('', str(error))}"


def succeeds(function: Callable[[], typing.Any]) -> str:
    """Whether a call returns, or the type and text of its error."""
    try:
        function()
    except Exception as error:
        return f"{type(error).__name__}: {_ADDRESS.sub('', str(error))}"
    return "returns"


def full_name(cls: object) -> str:
    return f"{getattr(cls, '__module__', '?')}.{getattr(cls, '__qualname__', cls)}"


def kind_of(value: object) -> str:
    """What a value is for those who look: a module, a class, a function, or the type of an object."""
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if type(value).__name__ in {"LocalProxy"}:
        return f"a {type(value).__module__}.LocalProxy"
    if inspect.isclass(value) and not hasattr(value, "__origin__"):
        return f"class {full_name(value)}"
    if inspect.isroutine(value):
        return f"function {getattr(value, '__module__', None)}.{getattr(value, '__qualname__', '')}"
    return f"a {full_name(type(value))}"


def signature_of(value: typing.Any) -> str:
    """A signature without annotations, which are for type checkers."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError) as error:
        return type(error).__name__
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in found.parameters.values()]
    return text_of(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def public(names: typing.Iterable[str]) -> list[str]:
    return sorted(name for name in names if name not in _PYTHONS)


def modules(flask: ModuleType) -> Iterator[ModuleType]:
    yield flask
    found = [name for _, name, _ in pkgutil.walk_packages(flask.__path__, "flask.")]
    # A folder without a file of its own, which `pkgutil` leaves out.
    for name in sorted({*found, "flask.sansio.app", "flask.sansio.blueprints", "flask.sansio.scaffold"}):
        if name not in {"flask.__main__", "flask.sansio"}:
            yield importlib.import_module(name)


def ask_modules(flask: ModuleType, facts: Facts) -> None:
    for module in modules(flask):
        where = module.__name__
        # What others have imported is an attribute of its package by now.
        names = [
            name
            for name in vars(module)
            if not isinstance(getattr(module, name), ModuleType) or not hasattr(flask, "__path__")
        ]
        for name in public({*names, *dir(module)}):
            value = getattr(module, name)
            facts[f"{where} has {name}"] = kind_of(value)
            if isinstance(value, FunctionType) and value.__module__.partition(".")[0] == "flask":
                ask_function(value, f"{where}.{name}", facts)
        facts[f"{where} missing"] = outcome(lambda module=module: module.nothing_of_that_name)
        facts[f"{where} repr"] = re.sub(r" from .*|\(.*\)", "", repr(module)).rstrip(">")


def ask_function(function: FunctionType, where: str, facts: Facts) -> None:
    facts[f"{where} signature"] = signature_of(function)
    facts[f"{where} module"] = function.__module__
    facts[f"{where} pickles"] = succeeds(lambda: pickle.loads(pickle.dumps(function)) is function or 1 / 0)
    facts[f"{where} autospec"] = succeeds(lambda: mock.create_autospec(function))
    facts[f"{where} source"] = succeeds(lambda: inspect.getsource(function))


def classes(flask: ModuleType) -> dict[str, type]:
    """Every class that Flask's modules define, by the name of its module and its own."""
    found: dict[str, type] = {}
    for module in modules(flask):
        for name, value in sorted(vars(module).items()):
            if (
                inspect.isclass(value)
                and not hasattr(value, "__origin__")
                and value.__module__ == module.__name__
                and value.__name__ == name
            ):
                found.setdefault(f"{module.__name__}.{name}", value)
    return found


def ask_class(cls: typing.Any, where: str, facts: Facts) -> None:
    facts[f"{where} names"] = [cls.__module__, cls.__name__, cls.__qualname__]
    facts[f"{where} repr"] = text_of(cls)
    facts[f"{where} mro"] = [full_name(one) for one in cls.__mro__]
    facts[f"{where} metaclass"] = full_name(type(cls))
    facts[f"{where} missing"] = outcome(lambda: cls.nothing_of_that_name)
    facts[f"{where} signature"] = signature_of(cls)
    facts[f"{where} pickles"] = succeeds(lambda: pickle.loads(pickle.dumps(cls)) is cls or 1 / 0)
    facts[f"{where} copies"] = str(copy.copy(cls) is cls and copy.deepcopy(cls) is cls)
    facts[f"{where} weak"] = succeeds(lambda: weakref.ref(cls))
    facts[f"{where} source"] = outcome(lambda: inspect.getsource(cls).lstrip().split("(")[0].split(":")[0])
    facts[f"{where} inspected module"] = outcome(lambda: inspect.getmodule(cls).__name__)  # type: ignore[union-attr]
    facts[f"{where} hints"] = outcome(lambda: sorted(name for name in typing.get_type_hints(cls) if name[0] != "_"))
    facts[f"{where} abstract"] = [inspect.isabstract(cls), sorted(getattr(cls, "__abstractmethods__", ()))]
    facts[f"{where} abcs"] = [abc.__name__ for abc in _ABCS if issubclass(cls, abc)]
    for name in public(dir(cls)):
        ask_attribute(cls, name, f"{where}.{name}", facts)
    ask_mocks(cls, where, facts)
    ask_subclasses(cls, where, facts)


def ask_attribute(cls: typing.Any, name: str, where: str, facts: Facts) -> None:
    static = inspect.getattr_static(cls, name, None)
    value = getattr(cls, name, None)
    kind = next(
        (one.__name__ for one in (property, staticmethod, classmethod) if isinstance(static, one)),
        "function" if inspect.isroutine(value) else "class" if inspect.isclass(value) else "value",
    )
    facts[f"{where} is"] = kind
    if inspect.isroutine(value):
        if name[:2] != "__" or name in {"__init__", "__call__", "__get__"}:
            facts[f"{where} signature"] = signature_of(value)
        if getattr(value, "__module__", None) and str(value.__module__).startswith(("flask", "tuile")):
            facts[f"{where} of"] = [value.__module__, getattr(value, "__qualname__", None)]
        facts[f"{where} seen as"] = [inspect.isfunction(value), inspect.ismethod(value), inspect.isroutine(static)]
    elif kind == "value" and not hasattr(static, "__get__"):
        facts[f"{where} default"] = text_of(value)
    elif kind == "value":
        facts[f"{where} descriptor"] = [
            inspect.isdatadescriptor(static),
            hasattr(static, "__set__"),
            hasattr(static, "__set_name__"),
        ]


def ask_mocks(cls: typing.Any, where: str, facts: Facts) -> None:
    facts[f"{where} autospec"] = succeeds(lambda: mock.create_autospec(cls))
    facts[f"{where} autospec of an instance"] = succeeds(lambda: mock.create_autospec(cls, instance=True))
    for how in ("spec", "spec_set"):
        facts[f"{where} {how}"] = succeeds(lambda how=how: mock.MagicMock(**{how: cls}))
    for name in public(dir(cls)):
        if name.startswith("__"):
            continue
        before = vars(cls).get(name)

        def patch(name: str = name, **options: typing.Any) -> None:
            with mock.patch.object(cls, name, **options):
                getattr(cls, name)

        facts[f"{where}.{name} patched"] = succeeds(patch)
        facts[f"{where}.{name} patched by autospec"] = succeeds(lambda patch=patch: patch(autospec=True))
        facts[f"{where}.{name} restored"] = vars(cls).get(name) is before
    facts[f"{where} members"] = succeeds(lambda: inspect.getmembers(cls))
    facts[f"{where} classified"] = succeeds(lambda: inspect.classify_class_attrs(cls))


T = typing.TypeVar("T")


class Speaks(typing.Protocol):
    """A protocol for subclasses that are one as well."""

    def speak(self) -> str: ...


@typing.runtime_checkable
class Listens(typing.Protocol):
    """One that can be asked at run time."""

    def listen(self) -> str: ...


class Abstract(abc.ABC):
    """An abstract class for subclasses."""

    @abc.abstractmethod
    def do(self) -> None: ...


class Mixin:
    """A plain one."""

    def __init_subclass__(cls, **kwargs: typing.Any) -> None:
        super().__init_subclass__()


class Marked(enum.Flag):
    """What an enum mixin is compared with."""

    A = 1


def ask_subclasses(cls: typing.Any, where: str, facts: Facts) -> None:
    ways: dict[str, Callable[[], typing.Any]] = {
        "plain": lambda: type("Sub", (cls,), {}),
        "mixin before": lambda: type("Sub", (Mixin, cls), {}),
        "mixin after": lambda: type("Sub", (cls, Mixin), {}),
        "ABC": lambda: abc.ABCMeta("Sub", (cls, abc.ABC), {}),
        "ABC first": lambda: abc.ABCMeta("Sub", (abc.ABC, cls), {}),
        "abstract": lambda: make_class("Sub", (cls, Abstract)),
        "Generic": lambda: make_class("Sub", (cls, typing.Generic[T])),
        "protocol": lambda: make_class("Sub", (cls, Speaks)),
        "protocol first": lambda: make_class("Sub", (Speaks, cls)),
        "runtime protocol": lambda: make_class("Sub", (Listens, cls)),
        "Protocol itself": lambda: make_class("Sub", (cls, typing.Protocol)),
        "generic protocol": lambda: make_class("Sub", (cls, typing.SupportsAbs)),
        "dataclass": lambda: dataclasses.dataclass(type("Sub", (cls,), {"__annotations__": {"a": int}, "a": 1})),
        "frozen dataclass": lambda: dataclasses.make_dataclass("Sub", [("a", int, 1)], bases=(cls,), eq=False),
        "slots": lambda: type("Sub", (cls,), {"__slots__": ("a",)}),
        "enum": lambda: enum.Enum("Sub", {"A": 1}, type=cls),
        "own metaclass": lambda: type("Meta", (type,), {})("Sub", (cls,), {}),
        "derived metaclass": lambda: type("Meta", (type(cls),), {})("Sub", (cls,), {}),
        "keyword": lambda: make_class("Sub", (cls,), some=1),
    }
    for name, make in ways.items():
        facts[f"{where} subclass, {name}"] = succeeds(make)
    with suppress(Exception):
        sub: typing.Any = make_class("Sub", (cls, abc.ABC))
        other = type("Other", (), {})
        sub.register(other)
        facts[f"{where} registers"] = [issubclass(other, sub), isinstance(other(), sub), issubclass(other, cls)]


def make_class(name: str, bases: tuple[typing.Any, ...], **keywords: typing.Any) -> typing.Any:
    import types

    return types.new_class(name, bases, keywords)


def instances(flask: ModuleType) -> Iterator[tuple[str, typing.Any]]:
    """An object of each kind that an extension is given, within a request."""
    import click
    from flask import cli, ctx, sessions, testing, views
    from flask import globals as proxies
    from flask import json as flask_json
    from flask.json import tag
    from flask.sansio.blueprints import BlueprintSetupState

    app = flask.Flask("shop", root_path="/tmp", static_folder=None)
    app.secret_key = "a key that nobody guesses"
    blueprint = flask.Blueprint("blue", "shop", root_path="/tmp")
    app.add_url_rule("/x", "x", lambda: "x")
    yield "app", app
    yield "blueprint", blueprint
    yield "setup state", BlueprintSetupState(blueprint, app, {}, True)
    yield "config", app.config
    yield "url map", app.url_map
    yield "rule", next(app.url_map.iter_rules())
    yield "json provider", app.json
    yield "session interface", app.session_interface
    yield "null session", sessions.NullSession()
    yield "template environment", app.jinja_env
    yield "template loader", app.jinja_env.loader
    yield "template", app.jinja_env.from_string("x")
    yield "logger", app.logger
    yield "aborter", app.aborter
    yield "client", app.test_client()
    yield "runner", app.test_cli_runner()
    yield "app cli", app.cli
    yield "blueprint cli", blueprint.cli
    yield "flask group", cli.FlaskGroup()
    yield "script info", cli.ScriptInfo()
    yield "run command", cli.run_command
    yield "click context", click.Context(cli.run_command)
    yield "tagger", tag.TaggedJSONSerializer()
    yield "view", views.View()
    yield "method view", views.MethodView()
    yield "environ builder", testing.EnvironBuilder(app)
    yield "fresh g", ctx._AppCtxGlobals()
    for name, signal in sorted(vars(flask.signals).items()):
        if type(signal).__name__ == "NamedSignal":
            yield f"signal {name}", signal
    yield "signals", flask.signals._signals
    for name in ("current_app", "g", "request", "session", "app_ctx", "request_ctx"):
        yield f"unbound proxy {name}", getattr(proxies, name)
    yield "fresh app context", app.app_context()
    with app.app_context():
        for name in ("current_app", "g", "app_ctx"):
            yield f"proxy {name} without a request", getattr(proxies, name)
        yield "bare app context", proxies.app_ctx._get_current_object()
    request_context = app.test_request_context("/x?a=1", headers={"Cookie": "a=b"})
    yield "fresh request context", request_context
    with request_context:
        for name in ("current_app", "g", "request", "session", "app_ctx", "request_ctx"):
            yield f"proxy {name}", getattr(proxies, name)
        yield "request", proxies.request._get_current_object()
        yield "session", proxies.session._get_current_object()
        yield "g", proxies.g._get_current_object()
        yield "app context", proxies.app_ctx._get_current_object()
        yield "request context", proxies.request_ctx._get_current_object()
        yield "url adapter", proxies.request_ctx.url_adapter
        yield "response", flask.make_response("x")
        yield "json response", flask_json.jsonify(a=1)
        yield "redirect", flask.redirect("/")
        yield "context variable app", proxies._cv_app
        yield "context variable request", proxies._cv_request
    yield "left request context", request_context


def ask_instance(thing: typing.Any, where: str, facts: Facts) -> None:
    facts[f"{where} type"] = [full_name(type(thing)), outcome(lambda: full_name(thing.__class__))]
    facts[f"{where} type's text"] = str(type(thing))
    facts[f"{where} repr"] = text_of(thing)
    facts[f"{where} str"] = outcome(lambda: _ADDRESS.sub("", str(thing)))
    facts[f"{where} bool"] = outcome(lambda: bool(thing))
    facts[f"{where} hash"] = succeeds(lambda: hash(thing))
    facts[f"{where} equals itself"] = outcome(lambda: thing == thing)  # noqa: PLR0124
    facts[f"{where} abcs"] = [
        one.__name__ for one in _ABCS if outcome(lambda one=one: isinstance(thing, one)) == "True"
    ]
    facts[f"{where} is callable"] = callable(thing)
    names = outcome(lambda: "")
    with suppress(Exception):
        names = dir(thing)  # type: ignore[assignment]
    for name in public(names):
        facts[f"{where} has {name}"] = kind_of_attribute(thing, name)
    for name in ("nothing_of_that_name", "_nothing", "__nothing__"):
        facts[f"{where} missing {name}"] = outcome(lambda name=name: getattr(thing, name))
    facts[f"{where} delete missing"] = succeeds(lambda: delattr(thing, "nothing_of_that_name"))
    facts[f"{where} set and delete"] = succeeds(
        lambda: (setattr(thing, "an_own_name", 1), delattr(thing, "an_own_name"))
    )
    facts[f"{where} weak"] = succeeds(lambda: weakref.ref(thing))
    facts[f"{where} copy"] = outcome(lambda: full_name(type(copy.copy(thing))))
    facts[f"{where} deep copy"] = succeeds(lambda: copy.deepcopy(thing))
    facts[f"{where} pickle"] = succeeds(lambda: pickle.loads(pickle.dumps(thing)))
    facts[f"{where} autospec"] = succeeds(lambda: mock.create_autospec(thing))
    facts[f"{where} members"] = succeeds(lambda: inspect.getmembers(thing))
    facts[f"{where} inspected"] = [
        name
        for name in ("isclass", "isfunction", "ismethod", "isroutine", "ismodule", "iscoroutinefunction", "isgenerator")
        if outcome(lambda name=name: getattr(inspect, name)(thing)) == "True"
    ]
    facts[f"{where} vars"] = outcome(lambda: sorted(name for name in vars(thing) if name[0] != "_"))


def kind_of_attribute(thing: object, name: str) -> str:
    try:
        return kind_of(getattr(thing, name))
    except Exception as error:
        return type(error).__name__


def ask_descriptors(thing: typing.Any, where: str, facts: Facts) -> None:
    """Ask each descriptor of an object's class in every way that Python allows."""
    cls = type(thing)
    for name in public(dir(cls)):
        static = inspect.getattr_static(cls, name, None)
        get = getattr(type(static), "__get__", None)
        if get is None or (name.startswith("__") and name != "__init__"):
            continue
        answers = []
        for arguments in ((thing,), (thing, cls), (None, cls), (thing, None)):
            answers.append(succeeds(lambda arguments=arguments: get(static, *arguments)).split(":")[0])
        answers.append(succeeds(lambda: get(static, None)).split(":")[0])
        facts[f"{where}.{name} asked"] = answers


def ask_everything() -> Facts:
    """Ask Flask, whatever stands for it, everything."""
    import flask

    facts: Facts = {}
    ask_modules(flask, facts)
    for where, thing in instances(flask):
        ask_instance(thing, where, facts)
        if "proxy" not in where:
            ask_descriptors(thing, where, facts)
    for where, cls in classes(flask).items():
        ask_class(cls, where, facts)
    return facts


def main() -> None:
    *options, file = sys.argv[1:]
    if "--tuile" in options:
        import tuile.shim

        tuile.shim.install()
    facts = ask_everything()
    with open(file, "w", encoding="utf-8") as out:
        json.dump(facts, out, indent=0, sort_keys=True)


if __name__ == "__main__":
    main()
