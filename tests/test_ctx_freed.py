"""What `g` holds is released when its request has ended, even if somebody keeps an error with its traceback.

The frames of a traceback refer to their local variables. On Flask, none of them refers to the app context, which has
`g`.
"""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from tests.beside_flask import make_app, make_environ, part, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask


class Connection:
    """What an application may keep in `g`."""


def fail_to_build(lib: Any) -> Any:
    return lib.url_for("nowhere")


def fail_to_read(lib: Any) -> Any:
    return lib.request.get_json()


def fail_to_render(lib: Any) -> Any:
    return lib.render_template_string("{{ 1 / none }}")


def fail_to_send(lib: Any) -> Any:
    return lib.send_file("/no/such/file")


def fail_to_respond(lib: Any) -> Any:
    return lib.make_response(5)


def fail_to_read_property(lib: Any) -> Any:
    return lib.request.json


def fail_to_read_session(lib: Any) -> Any:
    return lib.session["missing"]


def fail_to_write_session(lib: Any) -> Any:
    lib.session[[]] = 1


def fail_to_save(lib: Any) -> Any:
    lib.session["key"] = object()
    return "saved"


def abort(lib: Any) -> Any:
    lib.abort(404)


def abort_with_text(lib: Any) -> Any:
    lib.abort(418, "tea")


def fail(lib: Any) -> Any:
    raise ValueError


def fail_by_form(lib: Any) -> Any:
    return lib.request.form["missing"]


def return_nothing(lib: Any) -> Any:
    return None


def return_what_has_no_json(lib: Any) -> Any:
    return {"key": object()}


def render(lib: Any) -> Any:
    return lib.render_template_string("{{ g.connection is none }}{{ request.path }}")


FAILURES = (
    *(abort, abort_with_text, fail, fail_by_form, fail_to_build, fail_to_read, fail_to_render, fail_to_respond),
    *(fail_to_read_property, fail_to_read_session, fail_to_write_session, fail_to_save, fail_to_send),
    *(render, return_nothing, return_what_has_no_json),
)


def keep_error(lib: Any, view: Callable[[Any], Any]) -> Any:
    """Keep the error in `g`, so that the error and `g` refer to each other."""
    try:
        return view(lib)
    except Exception as error:  # noqa: BLE001 - of whatever kind
        lib.g.error = error
        return "kept"


def connect(lib: Any, held: list[weakref.ref[Connection]]) -> None:
    connection = Connection()
    lib.g.connection = connection
    held.append(weakref.ref(connection))


def plainly(lib: Any, app: Flask, view: Callable[[], Any]) -> None:
    app.add_url_rule("/", "view", view)


def by_class(lib: Any, app: Flask, view: Callable[[], Any]) -> None:
    class View(part(lib, "views").MethodView):  # type: ignore[misc]
        def get(self) -> Any:
            return view()

    app.add_url_rule("/", view_func=View.as_view("view"))


def before(lib: Any, app: Flask, view: Callable[[], Any]) -> None:
    app.before_request(view)
    app.add_url_rule("/", "view", lambda: "viewed")


def after(lib: Any, app: Flask, view: Callable[[], Any]) -> None:
    def change(response: Any) -> Any:
        view()
        return response

    app.after_request(change)
    app.add_url_rule("/", "view", lambda: "viewed")


def with_hooks(lib: Any, app: Flask, view: Callable[[], Any]) -> None:
    app.before_request(lambda: None)
    app.after_request(lambda response: response)
    app.teardown_request(lambda error: None)
    app.teardown_appcontext(lambda error: None)
    app.add_url_rule("/", "view", view)


def with_handlers(lib: Any, app: Flask, view: Callable[[], Any]) -> None:
    app.register_error_handler(404, lambda error: ("none", 404))
    app.register_error_handler(Exception, lambda error: ("failed", 500))
    app.add_url_rule("/", "view", view)


def in_blueprint(lib: Any, app: Flask, view: Callable[[], Any]) -> None:
    blueprint = lib.Blueprint("blue", __name__)
    blueprint.add_url_rule("/", "view", view)
    app.register_blueprint(blueprint)


def by_steps(lib: Any, app: Flask, view: Callable[[], Any]) -> None:
    dispatch = app.dispatch_request

    def dispatch_request() -> Any:
        return dispatch()

    app.dispatch_request = dispatch_request  # type: ignore[method-assign]
    app.add_url_rule("/", "view", view)


WAYS = (plainly, by_class, before, after, with_hooks, with_handlers, in_blueprint, by_steps)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("keeps", [False, True], ids=["lets go", "keeps the error"])
def test_g_ends_with_its_request(way: Callable[..., None], keeps: bool) -> None:
    def program(lib: Any, failure: Callable[[Any], Any]) -> list[bool]:
        app: Any = make_app(lib, PROPAGATE_EXCEPTIONS=False, SECRET_KEY="a key that nobody guesses")
        held: list[weakref.ref[Connection]] = []

        def view() -> Any:
            connect(lib, held)
            return keep_error(lib, failure) if keeps else failure(lib)

        way(lib, app, view)
        gc.disable()
        try:
            # The first one takes another path.
            for _ in range(3):
                b"".join(app(make_environ("/"), lambda *arguments: None))
            return [reference() is None for reference in held]
        finally:
            gc.enable()

    for failure in FAILURES:
        # A template that fails refers to `g` itself, on both.
        assert all(same(program, failure)) or failure is fail_to_render, failure.__name__
