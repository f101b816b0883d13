"""Record the requests of one application: around `wsgi_app` and `asgi_app`, and around four of its steps.

All are methods that may be replaced on an application at any time. `Recorder.close` puts them back.
"""

from __future__ import annotations

import typing as t
from functools import partial

from ..ctx.app_context import current_value
from ..ctx.cookie_defaults import prefixed
from ..dispatch.plan import plan_of
from ..dispatch.steps import Dispatcher
from ..signals import before_render_template, got_request_exception, session_conflict, session_gone, session_replayed
from ..signals import template_rendered as template_ended
from ..wrappers.async_body import AsyncParts
from . import instruments
from .facts import (
    note_declarations,
    note_end,
    note_error,
    note_request,
    note_response,
    note_rule,
    note_start,
    take_snapshot,
)
from .hidden import cut
from .places import beginnings
from .records import Recording, Ring
from .sockets import record_websocket
from .stores import leave_store
from .watching import guarded, recording, report

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from blinker import Signal

    from ..app import Flask
    from ..asgi.protocol import Receive, Scope, Send
    from ..ctx.app_context import Current
    from ..wrappers.response import Response
    from .records import Kind
    from .watching import Method

#: The methods of an application that are wrapped while it is inspected.
WRAPPED: t.Final = ("wsgi_app", "asgi_app", "preprocess_request", "dispatch_request", "process_response", "_keep_state")


class Recorder:
    """Records the requests of an application in a ring, until it is closed.

    Args:
        app: The application.
        ring: Where its requests are kept.
    """

    def __init__(self, app: Flask, ring: Ring) -> None:
        self.app = app
        self.ring = ring
        self._is_closed = False
        self._before: dict[str, object] = {name: vars(app)[name] for name in WRAPPED if name in vars(app)}
        name = str(app.config.get("SESSION_COOKIE_NAME") or "session")
        self.session_names = frozenset({name, prefixed(name)})
        plan = plan_of(app)
        #: Why the application as a whole has no fast path, or a slower one: before this recorder wrapped its steps.
        self.plan_reasons = [*plan.refusals, *plan.slower]
        instruments.put_in_place()
        self._replacements: dict[str, object] = {
            "wsgi_app": self._wsgi(self._inner(app)),
            "asgi_app": self._asgi(app.asgi_app),
            "preprocess_request": self._timed("hooks", "before_request", app.preprocess_request),
            "dispatch_request": self._timed("view", "view", app.dispatch_request),
            "process_response": self._processing(app.process_response),
            "_keep_state": self._keeping(app._keep_state),
        }
        for name, replacement in self._replacements.items():
            setattr(app, name, replacement)
        self._signals: list[tuple[Signal, Callable[..., None]]] = [
            (before_render_template, self._before_template),
            (template_ended, self._after_template),
            (got_request_exception, self._on_error),
            *((signal, partial(self._on_session, name)) for name, signal in _SESSION_SIGNALS),
        ]
        for signal, receiver in self._signals:
            signal.connect(receiver, app, weak=False)

    def close(self) -> None:
        """Stop recording, and put the application's methods back, unless they were replaced again meanwhile."""
        self._is_closed = True
        for name in WRAPPED:
            if vars(self.app).get(name) is not self._replacements[name]:
                continue
            if name in self._before:
                setattr(self.app, name, self._before[name])
            else:
                delattr(self.app, name)
        for signal, receiver in self._signals:
            signal.disconnect(receiver, self.app)
        guarded(leave_store, self.app)
        instruments.take_away()

    def _begin(self, protocol: str) -> Recording:
        found = Recording(protocol)
        found.session_names = self.session_names
        found.hides_session = bool(self.app.config.get("SESSION_ENCRYPT"))
        found.slow_reasons = self.plan_reasons
        self.ring.begin(found)
        return found

    # --- requests -----------------------------------------------------------------------------------------------------

    def _inner(self, app: Flask) -> Callable[..., Iterable[bytes]]:
        """Return what answers a request: `wsgi_app`, or what that does if nobody has replaced it."""
        is_stock = "wsgi_app" not in self._before and type(app).wsgi_app is Dispatcher.wsgi_app
        return app._answer_request if is_stock else app.wsgi_app

    def _wsgi(self, serve: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if self._is_closed:
                return serve(environ, start_response)
            found = self._begin("ASGI" if "asgi.scope" in environ or "asgi.version" in environ else "WSGI")
            try:
                note_request(found, environ)
            except Exception as error:  # noqa: BLE001 - as `guarded`, in one call less
                report(note_request, error)

            def start(status: str, headers: list[tuple[str, str]], *exc_info: object) -> object:
                try:
                    note_start(found, status, headers)
                    note_declarations(found, self.app, headers)
                except Exception as error:  # noqa: BLE001 - as above
                    report(note_start, error)
                return t.cast("Method", start_response)(status, headers, *exc_info)

            token = recording.set(found)
            try:
                body = serve(environ, start)
            except BaseException as error:
                guarded(note_error, found, error)
                guarded(self._end, found)
                raise
            finally:
                recording.reset(token)
            return self._watched(found, environ, body)

        beginnings[id(wsgi_app.__code__)] = wsgi_app.__code__
        return wsgi_app

    def _watched(self, found: Recording, environ: WSGIEnvironment, body: Iterable[bytes]) -> Iterable[bytes]:
        """Return the body, watched to its end if it is an iterator."""
        if isinstance(body, (list, tuple)):
            try:
                note_end(found, body, len(body[0]) if len(body) == 1 else sum(map(len, body)))
            except Exception as error:  # noqa: BLE001 - as above
                report(note_end, error)
            guarded(self._end, found)
            return body
        found.is_stream = found.body_length is None
        guarded(self._end, found)
        # Servers send files and asynchronous iterables in their own ways.
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(body, AsyncParts) or (isinstance(wrapper, type) and isinstance(body, wrapper)):
            return body
        return _Stream(body, found, self.ring)

    def _end(self, found: Recording) -> None:
        found.finish()
        self.ring.add(found)

    def _asgi(self, serve: Callable[..., t.Awaitable[None]]) -> Callable[..., t.Awaitable[None]]:
        async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "websocket" or self._is_closed:
                # The requests of HTTP come to `wsgi_app` as well.
                await serve(scope, receive, send)
                return
            found = self._begin("WebSocket")
            await record_websocket(found, serve, scope, receive, send, lambda ended: guarded(self._end, ended))

        return asgi_app

    # --- steps --------------------------------------------------------------------------------------------------------

    def _timed(self, kind: Kind, step: str, method: Method) -> Method:
        is_view = kind == "view"

        def timed(*args: object, **kwargs: object) -> object:
            found = recording.get()
            # Nothing is timed if there are no hooks.
            if found is None or not (is_view or self.app.before_request_funcs or self.app.url_value_preprocessors):
                return method(*args, **kwargs)
            previous = found.switch(kind)
            try:
                answer: object = method(*args, **kwargs)
                if is_view:
                    found.returned = type(answer).__name__
                return answer
            except Exception as error:
                guarded(note_error, found, error)
                raise
            finally:
                found.switch(previous)
                guarded(take_snapshot, found, step)

        return timed

    def _processing(self, method: Callable[[Response], Response]) -> Callable[[Response], Response]:
        def process_response(response: Response) -> Response:
            found = recording.get()
            if found is None:
                return method(response)
            guarded(note_response, found, self.app, response)
            context = current_value(None)
            functions = None if context is None or context.request is None else context._after_functions
            if not (functions or self.app.after_request_funcs):
                return method(response)
            previous = found.switch("hooks")
            try:
                return method(response)
            finally:
                found.switch(previous)

        return process_response

    def _keeping(self, method: Callable[..., None]) -> Callable[..., None]:
        def _keep_state(context: Current, sent: str | None, response: Response) -> None:
            found = recording.get()
            is_idle = (
                context._opened_session is None
                and context._cookies is None
                and not (context._after_functions or self.app.after_request_funcs)
            )
            if found is None or is_idle:
                # There is nothing to save, and no hook has changed the response; unless a session is renewed.
                method(context, sent, response)
                if found is not None and context._opened_session is not None:
                    guarded(take_snapshot, found, "saved", response)
                return
            if self.app.after_request_funcs:
                guarded(take_snapshot, found, "after_request", response)
            previous = found.switch("session")
            try:
                method(context, sent, response)
            finally:
                found.switch(previous)
                guarded(take_snapshot, found, "saved", response)

        return _keep_state

    # --- signals ------------------------------------------------------------------------------------------------------

    def _before_template(self, sender: object, template: object = None, **_: object) -> None:
        found = recording.get()
        if found is not None:
            name = getattr(template, "name", None) or "(from a string)"
            found.add("template", "templates", name, None, None, None)
            found.around_templates.append(found.switch("template"))

    def _after_template(self, sender: object, **_: object) -> None:
        found = recording.get()
        if found is not None and found.around_templates:
            found.switch(found.around_templates.pop())

    def _on_error(self, sender: object, exception: BaseException | None = None, **_: object) -> None:
        found = recording.get()
        if found is not None and exception is not None:
            guarded(note_error, found, exception)
            # In debug mode the exception goes to the server, and there is no response.
            guarded(note_rule, found, self.app)

    def _on_session(self, name: str, sender: object, keys: Iterable[str] = (), **_: object) -> None:
        found = recording.get()
        if found is None:
            return
        named = ", ".join(map(repr, keys))
        note = _SESSION_NOTES[name] + (f": {named}" if named else "")
        found.add("session", "session", name, None, None, None, cut(note, 400))


_SESSION_SIGNALS = (("conflict", session_conflict), ("gone", session_gone), ("replayed", session_replayed))
_SESSION_NOTES = {
    "conflict": "another request changed the same keys meanwhile, and one change is lost",
    "gone": "the session had ended meanwhile, so what this request changed was not saved",
    "replayed": "a session cookie was used that had been replaced: it may have been stolen",
}


class _Stream:
    """A body that is sent piece by piece, with its request being recorded meanwhile."""

    def __init__(self, body: Iterable[bytes], found: Recording, ring: Ring) -> None:
        self._body = body
        self._pieces: Iterator[bytes] | None = None
        self._found = found
        self._ring = ring
        self._beginning: list[bytes] = []
        self._length = 0
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        token = recording.set(self._found)
        try:
            if self._pieces is None:
                self._pieces = iter(self._body)
            piece = next(self._pieces)
        except StopIteration:
            guarded(self._note_end)
            raise
        finally:
            recording.reset(token)
        if len(self._beginning) < _PIECES:
            self._beginning.append(piece[:_MOST_OF_PIECE])
        self._length += len(piece)
        return piece

    def close(self) -> None:
        """Close the body, as servers do at the end."""
        token = recording.set(self._found)
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            recording.reset(token)
            guarded(self._note_end)

    def _note_end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        note_end(self._found, self._beginning, self._length)
        self._found.took_us = self._found.now_us()
        self._ring.changed()


# What is kept of the beginning of a stream until it ends.
_PIECES = 4
_MOST_OF_PIECE = 800
