"""Replacing `flask` by `tuile` in an import works, for every module of Flask and every name in it."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import flask

from tests.fresh import observe
from tests.test_shim import ABSENT
from tuile.shim import TUILE_MODULES

MODULES = sorted(name for name in TUILE_MODULES if name != "flask.__main__")


def names_of(module: str) -> list[str]:
    found = vars(importlib.import_module(module))
    return sorted(
        name
        for name, value in found.items()
        if not name.startswith("__")
        and (module, name) not in ABSENT
        # Those of the package are modules, or typing's short name: `from tuile import t` means nothing.
        and not (module == "flask" and isinstance(value, ModuleType) and name == "t")
        and not (module == "flask" and name == "annotations")
    )


def test_every_import_of_flasks_works_with_tuile_in_its_place() -> None:
    wanted = {module: names_of(module) for module in MODULES}
    assert sum(map(len, wanted.values())) > 500
    program = f"""
        seen = []
        for module, names in {wanted!r}.items():
            ours = "tuile" + module.removeprefix("flask")
            for name in names:
                try:
                    exec(f"from {{ours}} import {{name}}")
                except Exception as error:
                    seen.append(f"from {{ours}} import {{name}}: {{error}}")
        """
    assert observe(program, shim=False) == []


def test_it_is_the_same_object_that_flasks_module_has() -> None:
    program = """
        from tuile.ctx import AppContext, RequestContext, _AppCtxGlobals, has_app_context
        from tuile.wrappers import Request, Response
        from tuile.helpers import _split_blueprint_path, get_root_path
        from tuile.sansio.app import App
        from tuile.sansio.blueprints import BlueprintSetupState
        from tuile.globals import _no_app_msg, request
        import flask.ctx, flask.wrappers, flask.helpers, flask.sansio.app, flask.globals
        seen = [flask.ctx.AppContext is AppContext, flask.ctx._AppCtxGlobals is _AppCtxGlobals,
                flask.wrappers.Request is Request, flask.helpers._split_blueprint_path is _split_blueprint_path,
                flask.sansio.app.App is App, flask.globals._no_app_msg == _no_app_msg, flask.request is request]
        """
    assert observe(program, shim=False) == [True] * 7


def test_a_name_that_flask_has_not_is_an_attribute_error_in_pythons_words() -> None:
    program = """
        import importlib
        seen = []
        for name in ("tuile.ctx", "tuile.wrappers", "tuile.app", "tuile.testing", "tuile.cli"):
            module = importlib.import_module(name)
            seen.append([hasattr(module, "nothing"), hasattr(module, "__nothing__")])
            try:
                module.nothing
            except AttributeError as error:
                seen.append(str(error) == f"module {name!r} has no attribute 'nothing'")
        """
    assert observe(program, shim=False) == [[False, False], True] * 5


# Names by which others call what they see


def test_functions_and_classes_say_that_they_are_flasks() -> None:
    program = """
        import flask, flask.views
        seen = [flask.Flask.__module__, flask.Flask.wsgi_app.__module__, flask.Flask.wsgi_app.__qualname__,
                flask.Request.__module__, flask.url_for.__module__, str(type(flask.request)),
                type(flask.session).__module__, type(flask.g).__qualname__, flask.views.View.as_view.__module__]
        """
    theirs = observe(program, shim=False)
    assert observe(program) == theirs


def test_without_the_shim_they_are_tuiles() -> None:
    program = "import os; os.environ['TUILE_SHIM'] = '0'; import tuile; seen = tuile.Flask.__module__"
    assert observe(program, shim=False) == "tuile.app"


# What who wraps the WSGI callable gets


def test_the_result_can_be_closed_where_somebody_wraps_the_way_to_it() -> None:
    program = """
        import sys
        import {lib} as lib
        from werkzeug.test import create_environ
        def ask(app, call):
            out = []
            for method in ("GET", "HEAD", "GET"):
                result = call(create_environ("/", method=method), lambda status, headers: None)
                out.append([hasattr(result, "close"), hasattr(result, "__next__"), b"".join(result).decode()])
                getattr(result, "close", lambda: None)()
            return out
        def make(kind=lib.Flask):
            app = kind("x", static_folder=None)
            app.add_url_rule("/", "v", lambda: "body")
            return app
        seen = {{}}
        app = make()
        seen["called"] = ask(app, app.wsgi_app)
        app = make(); inner = app.wsgi_app; got = []
        app.wsgi_app = lambda environ, start: got.append(inner(environ, start)) or got[-1]
        seen["wrapped"] = ask(app, app)
        class Sub(lib.Flask):
            def wsgi_app(self, environ, start): return super().wsgi_app(environ, start)
        seen["subclass"] = ask(None, make(Sub))
        class Called(lib.Flask):
            def __call__(self, environ, start): return super().__call__(environ, start)
        seen["subclass with __call__"] = ask(None, make(Called))
        for name in ("wsgi_app", "__call__"):
            real = getattr(lib.Flask, name)
            app = make(); ask(app, app)
            setattr(lib.Flask, name, lambda self, environ, start: real(self, environ, start))
            seen[name] = ask(app, app)
            setattr(lib.Flask, name, real)
        """
    theirs = observe(program.format(lib="flask"), shim=False)
    ours = observe(program.format(lib="tuile"), shim=False)
    assert ours == theirs


# Subclasses that are something else as well


def test_a_subclass_may_be_a_protocol_generic_or_abstract() -> None:
    program = """
        import abc, typing, flask, flask.sessions
        from flask.json.provider import JSONProvider
        T = typing.TypeVar("T")
        class Proto(typing.Protocol):
            def speak(self): ...
        @typing.runtime_checkable
        class Runtime(typing.Protocol):
            def speak(self): ...
        seen = []
        for base in (flask.Request, flask.Response, flask.Flask, flask.sessions.SessionInterface, JSONProvider,
                     flask.ctx.RequestContext):
            for other in (Proto, Runtime, abc.ABC, typing.Generic[T]):
                for bases in ((base, other), (other, base)):
                    made = __import__("types").new_class("Made", bases)
                    again = type(made)("Again", (made,), {})
                    seen.append([issubclass(again, made), isinstance(object.__new__(again), base),
                                 issubclass(int, made)])
            made = abc.ABCMeta("Made", (base, abc.ABC), {})
            made.register(int)
            seen.append([issubclass(int, made), isinstance(1, made), issubclass(int, base)])
        """
    theirs: Any = observe(program, shim=False)
    assert observe(program) == theirs


def test_descriptors_need_no_owner() -> None:
    program = """
        import flask
        app = flask.Flask("x")
        seen = []
        with app.test_request_context("/p?q=1", headers={"Cookie": "a=b"}):
            request = flask.request._get_current_object()
            for name in ("cookies", "args", "method", "path", "headers", "remote_addr", "files", "max_content_length"):
                static = __import__("inspect").getattr_static(flask.Request, name, None)
                if hasattr(static, "__get__"):
                    static.__get__(request)
            seen.append(flask.Request.cookies.__get__(request)["a"])
            for name in ("jinja_env", "secret_key", "testing", "permanent_session_lifetime", "logger"):
                __import__("inspect").getattr_static(flask.Flask, name).__get__(app)
        """
    assert observe(program) == observe(program, shim=False)


def test_classes_can_be_patched_by_mocks() -> None:
    program = """
        import flask
        from unittest import mock
        app = flask.Flask("x")
        app.add_url_rule("/", "v", lambda: "body")
        client = app.test_client()
        seen = []
        for cls, name in ((flask.Response, "close"), (flask.Response, "get_wsgi_headers"), (flask.Request, "close"),
                          (flask.Response, "iter_encoded")):
            with mock.patch.object(cls, name):
                pass
            with mock.patch.object(cls, name, autospec=True) as patched:
                seen.append(callable(patched))
            seen.append(client.get("/").text)
        with mock.patch.object(flask.Flask, "response_class"):
            pass
        with mock.patch.object(flask.Flask, "request_class"):
            pass
        seen.append(client.get("/").text)
        """
    assert observe(program) == observe(program, shim=False)


def test_the_modules_list_is_flasks() -> None:
    assert flask.__name__ in MODULES


def test_modules_that_flask_imports_itself_are_attributes_without_an_import_of_their_own() -> None:
    program = """
        import subprocess, sys
        find = "import flask, sys; print(*(name for name in sorted(sys.modules) if name.startswith('flask.')))"
        names = subprocess.run([sys.executable, "-c", find], capture_output=True, text=True, check=True).stdout.split()
        assert len(names) > 15, names
        import tuile
        for name in names:
            found = tuile
            for part in name.split(".")[1:]:
                assert hasattr(found, part), name
                found = getattr(found, part)
        seen = found.__name__
        """
    assert observe(program, shim=False) == "tuile.wrappers"
