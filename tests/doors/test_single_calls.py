"""Deployments without a server process: a module with `application`, one function call per event, greenlets."""

from __future__ import annotations

import pytest

from tests.doors.serving import SITE
from tests.fresh import observe

MAKE_ENVIRON = """
import io
def make_environ(path, **changes):
    return {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost", "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "wsgi.multithread": True,
        "wsgi.multiprocess": False, "wsgi.run_once": False, **changes,
    }
"""


def test_a_file_with_application_is_loaded_as_mod_wsgi_does() -> None:
    # Under a made-up name, the shim put in place by its first line; requests come in threads of the server's.
    assert observe(
        f"""
        import sys, threading
        from types import ModuleType
        from wsgiref.handlers import SimpleHandler
        {indented(MAKE_ENVIRON)}
        source = '''
        import sys
        sys.path.insert(0, {str(SITE)!r})
        import tuile.shim; tuile.shim.install()
        from shop import app as application
        '''.replace("\\n        ", "\\n")
        module = ModuleType("_mod_wsgi_5f4dcc3b5aa765d61d83")
        module.__file__ = "/srv/shop.wsgi"
        sys.modules[module.__name__] = module
        exec(compile(source, module.__file__, "exec"), vars(module))

        def answer(number):
            output = io.BytesIO()
            handler = SimpleHandler(
                io.BytesIO(), output, io.StringIO(), make_environ(f"/hello/{{number}}"), multithread=True
            )
            handler.run(module.application)
            answers[number] = output.getvalue().decode()

        answers = {{}}
        threads = [threading.Thread(target=answer, args=(number,)) for number in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        seen = [
            all(answers[number].endswith(f"hello {{number}}") for number in range(8)),
            {{text.splitlines()[0] for text in answers.values()}} == {{"HTTP/1.0 200 OK"}},
            type(sys.modules["flask"]).__name__,
        ]
        """,
        shim=False,
    ) == [True, True, "FlaskModule"]


@pytest.mark.parametrize("with_shim", [True, False], ids=["Tuile", "Flask"])
def test_a_function_called_once_for_each_event_leaves_nothing_behind(with_shim: bool) -> None:
    # As on serverless platforms: the application is imported by the first call, and the process sleeps in between.
    assert observe(
        f"""
        import gc, json, sys, weakref
        sys.path.insert(0, {str(SITE)!r})
        {indented(MAKE_ENVIRON)}

        def handle(event):
            from shop import app
            sent = {{}}
            def start_response(status, headers, exc_info=None):
                sent.update(status=status, headers=headers)
            cookies = {{"HTTP_COOKIE": "; ".join(event["cookies"])}} if event.get("cookies") else {{}}
            told = {{"REQUEST_METHOD": event.get("method", "GET"), "QUERY_STRING": event.get("query", "")}}
            parts = app(make_environ(event["path"], **told, **cookies), start_response)
            body = b"".join(parts)
            if hasattr(parts, "close"):
                parts.close()
            cookies = [value.partition(";")[0] for name, value in sent["headers"] if name == "Set-Cookie"]
            return {{"status": sent["status"], "body": body.decode(), "cookies": cookies}}

        import flask
        seen = []
        first = handle({{"path": "/basket/pear", "method": "POST"}})
        second = handle({{"path": "/basket/plum", "method": "POST", "cookies": first["cookies"]}})
        third = handle({{"path": "/basket/", "cookies": second["cookies"]}})
        seen.append([first["status"], json.loads(third["body"])["things"]])
        seen.append(handle({{"path": "/broken"}})["status"])
        seen.append(handle({{"path": "/stream", "query": "to=1"}})["body"])
        seen.append([flask.has_request_context(), flask.has_app_context()])
        # What a request held is gone as soon as the next one has been answered.
        from shop import app
        held = []
        app.after_request_funcs.setdefault(None, []).append(
            lambda response: held.append(weakref.ref(flask.request._get_current_object())) or response
        )
        for _ in range(3):
            handle({{"path": "/hello/you"}})
        gc.collect()
        seen.append([reference() is None for reference in held[:-1]])
        """,
        shim=with_shim,
    ) == [
        ["303 SEE OTHER", ["pear", "plum"]],
        "500 INTERNAL SERVER ERROR",
        "0 of /stream\n",
        [False, False],
        [True, True],
    ]


@pytest.mark.parametrize("with_shim", [True, False], ids=["Tuile", "Flask"])
def test_greenlets_that_take_turns_within_requests_keep_them_apart(with_shim: bool) -> None:
    pytest.importorskip("greenlet")
    assert observe(
        f"""
        from greenlet import greenlet, getcurrent
        from flask import Flask, copy_current_request_context, current_app, g, has_request_context, request, session
        {indented(MAKE_ENVIRON)}
        app = Flask("x", static_folder=None)
        app.secret_key = "x"
        seen, hub = [], getcurrent()

        @app.get("/<name>")
        def view(name):
            session["name"] = g.name = name
            for turn in range(3):
                hub.switch()
                seen.append([turn, name, request.path, request.view_args["name"], g.name, session["name"]])
            return name

        def serve(name):
            body = b"".join(app(make_environ("/" + name), lambda status, headers, exc_info=None: None))
            seen.append([body.decode(), has_request_context()])

        turns = [greenlet(lambda name=name: serve(name)) for name in "abc"]
        while any(not turn.dead for turn in turns):
            for turn in turns:
                if not turn.dead:
                    turn.switch()
        seen = [all(len(set(line[1:2] + [line[2][1:]] + line[3:])) == 1 for line in seen if len(line) > 2), len(seen),
                sorted(line[0] for line in seen if len(line) == 2), has_request_context()]

        # And one that gets the request of the greenlet that makes it.
        with app.test_request_context("/copied"):
            copied = greenlet(copy_current_request_context(lambda: request.path))
            bare = greenlet(has_request_context)
            seen += [copied.switch(), bare.switch()]
        """,
        shim=with_shim,
    ) == [True, 12, ["a", "b", "c"], False, "/copied", False]


def indented(text: str) -> str:
    """Indent a part of a program by eight columns."""
    return text.strip().replace("\n", "\n        ")
