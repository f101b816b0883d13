"""The steps of a request in their order, from the server's call to the view and back.

Every step is a method that may be overridden, wrapped or replaced at any time, on a class or on one app. The steps
define what a request does; the fast path (`fast_path`) does the same without calling them if the plan of the app allows
it. Registries are read for each request.
"""

from __future__ import annotations

import sys
import typing as t
from collections.abc import Iterator
from inspect import CO_COROUTINE, iscoroutinefunction
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from .. import invalidation
from ..ctx.app_context import (
    NO_REQUEST_MESSAGE,
    AppContext,
    current_request,
    current_value,
    environ_of,
    value_with_request,
)
from ..ctx.request_context import RequestContext
from ..ctx.values import Entered
from ..hints import add_hint
from ..http.headers import sets_cookies
from ..lazy import late_modules
from ..routing.binding import bind_as_flask
from ..routing.outside import adapter_again, adapter_outside, state_again
from ..signals import request_finished, request_started, send_signal
from ..wrappers.async_body import iterate_by
from ..wrappers.plain_response import Closing
from ..wrappers.response import CALL, SEND
from ._generated import quick_response
from .inlined import begin, run_after, run_before
from .inlined_response import is_changed, new
from .pages import response_of_tuple
from .planner import Planned
from .protocols import WsgiCall, enter_asgi
from .settings import cookie_checks_of, undeclared_cookies_of
from .teardown import APP_ALONE, Teardown, body_sent, leave, parts_at_end

if t.TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.routing import MapAdapter

    from .. import typing as ft
    from .. import url_links
    from ..app import Flask
    from ..asgi.protocol import Receive, Scope, Send
    from ..asgi.service import Service
    from ..cookie import checks
    from ..ctx import sent_cookies
    from ..ctx.app_context import Current
    from ..ctx.namespace import _AppCtxGlobals
    from ..http import hosts
    from ..json.provider import JSONProvider
    from ..routing import answers
    from ..routing.map import Map
    from ..sessions import SessionInterface
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from . import async_calls, awaiting, return_values, shared_responses
    from .plan import Plan

    # They take a Flask, which every dispatcher is.
    serve_plainly: Callable[[Dispatcher, Plan, WSGIEnvironment, StartResponse], Iterable[bytes]]
    serve_wsgi: Callable[[Dispatcher, Plan, WSGIEnvironment, StartResponse], Iterable[bytes]]
else:
    from ._generated import serve_plainly, serve_wsgi

    answers, async_calls, awaiting, checks, hosts, return_values, sent_cookies, shared_responses, url_links = (
        late_modules(
            __name__,
            "..routing.answers",
            ".async_calls",
            ".awaiting",
            "..cookie.checks",
            "..http.hosts",
            ".return_values",
            "..ctx.sent_cookies",
            ".shared_responses",
            "..url_links",
        )
    )

# Types whose objects `make_response` converts without testing for iterators first.
_NO_ITERATORS = frozenset({WerkzeugResponse, FunctionType})
iterate_by(lambda pieces: awaiting.iterate(pieces))  # noqa: PLW0108 - the module is imported with the first one
# `Dispatcher.__call__`, once there is one.
_CALL: Callable[..., object] | None = None


class Dispatcher(Planned, Teardown):
    """The steps of a request. `Flask` is this and the application around it."""

    # What the steps use of the application.
    app_ctx_globals_class: type[_AppCtxGlobals]
    asgi_app: Callable[..., Awaitable[None]]
    _asgi_service: Service | None
    json: JSONProvider
    request_class: type[Request]
    session_interface: SessionInterface
    subdomain_matching: bool
    _got_first_request: bool
    url_map: Map
    # The callables that `ensure_sync` returns unchanged, by id. References keep the ids unique.
    _synchronous: dict[int, Callable[..., object]]

    @classmethod
    def _set_flags(cls) -> None:
        """Let a `__call__` that takes the two arguments of WSGI stand beside ASGI."""
        super()._set_flags()
        if _CALL is not None:
            WsgiCall.put_on(cls, _CALL)

    @t.overload
    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]: ...

    @t.overload
    def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> Awaitable[None]: ...

    @t.overload
    def __call__(self, scope: Scope, /) -> Callable[[Receive, Send], Awaitable[None]]: ...

    def __call__(self, environ: t.Any, start_response: t.Any = ..., send: Send | None = None) -> object:
        """Handle one request. The server calls this; middleware wraps `wsgi_app` or `asgi_app` instead.

        The number of arguments tells the protocol: `app(environ, start_response)` is WSGI, `app(scope, receive, send)`
        is ASGI 3, and `app(scope)` is ASGI 2, which some servers call if they are not told which protocol to use.
        """
        if send is not None:
            service = self._asgi_service
            if service is None or service.entry_epoch is not invalidation.epoch or service.app is not self:
                return self.asgi_app(environ, start_response, send)
            return service.enter(self, service, environ, start_response, send)
        if start_response is ...:
            return enter_asgi(t.cast("Flask", self), environ)
        plan = self._plan
        if plan.epoch is not invalidation.epoch or type(self) is not plan.app_type:
            self._planner.serves = True
            plan = self._planner.current(self)
        if plan.is_plain:
            return serve_plainly(self, plan, environ, start_response)
        if plan.enters:
            return serve_wsgi(self, plan, environ, start_response)
        if not plan.calls_wsgi_app:
            return self._answer_request(environ, start_response)
        return self.wsgi_app(environ, start_response)

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request: enter its context, respond, and leave the context.

        Wrap this attribute, not the app, with middleware: `app.wsgi_app = Middleware(app.wsgi_app)`.
        """
        body = self._answer_request(environ, start_response)
        # Only who wraps this method gets here: monitoring agents time the `close` of what it returns.
        return Closing(body) if type(body) is list or type(body) is tuple else body

    def _answer_request(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request by the fast path or by the steps: what `wsgi_app` does."""
        plan = self._plan
        if plan.epoch is not invalidation.epoch:
            plan = self._planner.for_request(self)
        if plan.fast:
            return serve_wsgi(self, plan, environ, start_response)
        if not self._got_first_request:
            # Before any answer, and for the server to see: no handler of errors is asked about a wrong setting.
            self._check_settings()
        return self._serve_by_steps(environ, start_response)

    def _check_settings(self) -> None:
        from ..startup import check_settings  # noqa: PLC0415 - called once

        check_settings(t.cast("Flask", self), self.session_interface)
        cookie_checks_of(self)
        undeclared_cookies_of(self)

    def _serve_by_steps(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        context: RequestContext | None = None,
        dispatch: Callable[[], Response] | None = None,
    ) -> Iterable[bytes]:
        """Handle one request step by step.

        Args:
            environ: The environ of the request.
            start_response: As of WSGI.
            context: The context, if it is entered: by a request whose view was awaited.
            dispatch: What to call for such a request; the steps before it were done.
        """
        context = self.request_context(environ) if context is None else context
        error: BaseException | None = None
        try:
            try:
                if dispatch is None:
                    context.push()
                    response = self.full_dispatch_request()
                else:
                    response = dispatch()
            except Exception as raised:  # noqa: BLE001 - everything a view may raise becomes an answer
                error = raised
                response = self.handle_exception(raised)
            except BaseException:
                error = sys.exc_info()[1]
                raise
            whole = body_sent(response)
            # Looked up on the class, as Python does; methods of the object do not count.
            is_ours = type(response).__call__ is CALL
            parts = SEND(response, environ, start_response) if is_ours else response(environ, start_response)
        finally:
            leave(self, context, environ, error)
            # A traceback that someone keeps refers to this frame, and the context to `g`: on Flask, `g` ends here.
            del context
        return parts_at_end(response, whole, parts) if is_changed(response, whole, parts) else parts

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """Return a context for the request in a WSGI environ."""
        plan = self._plan
        if plan.epoch is not invalidation.epoch:
            plan = self._planner.current(self)
        if plan.request_class is None or self.config["TRUSTED_HOSTS"] is not None:
            return RequestContext(t.cast("Flask", self), environ)
        context = begin(self, plan, environ)  # type: ignore[arg-type] # every dispatcher is a Flask
        if plan.skips_constructor:
            context._make_request().method = environ.get("REQUEST_METHOD", "GET").upper()
        else:
            # The constructor may do anything.
            request = self.request_class(environ)
            request.json_module = self.json
            if type(request) is not plan.request_class or vars(request).get("environ") is not environ:
                return RequestContext(t.cast("Flask", self), environ, request)
            context._request = request
        if not plan.skips_adapter or context.request.trusted_hosts is not None:
            context.url_adapter  # noqa: B018 - reading it makes it
            context._is_bound = True
        return context

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return Werkzeug's adapter for a request, or for building URLs outside one.

        Args:
            request: The request. None outside a request; then the result is None without `SERVER_NAME`.

        Raises:
            SecurityError: If the host is not one of `TRUSTED_HOSTS`.
        """
        # No local variable for the settings: tracebacks show them.
        if request is None:
            return None if self.config["SERVER_NAME"] is None else self._adapter_outside()
        environ = environ_of(request)
        if self.config["TRUSTED_HOSTS"] is not None:
            request.trusted_hosts = self.config["TRUSTED_HOSTS"]
        quick = None
        if self._current_plan().request_class is not None:
            quick = self.url_map.adapter_for(environ, self.config["SERVER_NAME"], by_subdomain=self.subdomain_matching)
        if quick is not None and request.trusted_hosts is None:
            return quick
        # Checked here, so that an untrusted host is refused before anything else happens.
        host = hosts.read_host(environ, request.trusted_hosts)
        request.host = host  # pyright: ignore[reportAttributeAccessIssue] # Werkzeug's `cached_property` can be set
        if quick is not None:
            return quick
        server_name, subdomain = self.config["SERVER_NAME"], None
        if self.url_map.host_matching:
            server_name = None
        elif not self.subdomain_matching:
            subdomain = self.url_map.default_subdomain or ""
        adapter: MapAdapter = bind_as_flask(self.url_map, environ, server_name, subdomain)
        return adapter

    def _adapter_outside(self) -> MapAdapter:
        """Return the adapter for building URLs outside a request, with `SERVER_NAME`."""
        plan = self._plan_if_made()
        if plan.request_class is not None and plan.url_map is self.url_map:
            quick = adapter_again(plan.made_outside, self.config) or adapter_outside(
                self.url_map,
                plan.made_outside,
                self.config["SERVER_NAME"],
                self.config["APPLICATION_ROOT"],
                self.config["PREFERRED_URL_SCHEME"],
            )
            if quick is not None:
                return quick
        adapter: MapAdapter = self.url_map.bind(
            t.cast("str", self.config["SERVER_NAME"]),
            script_name=self.config["APPLICATION_ROOT"],
            url_scheme=self.config["PREFERRED_URL_SCHEME"],
        )
        return adapter

    def full_dispatch_request(self) -> Response:
        """Handle the current request: run the hooks and the view, handle their errors, and process the response."""
        if not self._got_first_request:
            self._got_first_request = True
        try:
            if request_started.receivers:
                send_signal(request_started, self, self.ensure_sync)
            if self.config.get("CSRF") is not None:
                from tuile.csrf import check_csrf  # noqa: PLC0415 - only with CSRF; a full name is found faster

                check_csrf(t.cast("Flask", self))
            answer = self.preprocess_request()
            if answer is None:
                answer = self.dispatch_request()
        except Exception as error:  # noqa: BLE001 - handlers may be registered for any exception
            answer = self.handle_user_exception(error)
        return self.finalize_request(answer)

    def _dispatch_awaited(
        self, answer: ft.ResponseReturnValue | HTTPException, error: BaseException | None
    ) -> Response:
        """Do what follows the view in `full_dispatch_request`, for a view that was awaited.

        Args:
            answer: What it returned.
            error: What it raised.
        """
        if error is not None:
            try:
                raise error
            except Exception as raised:  # noqa: BLE001 - handlers may be registered for any exception
                answer = self.handle_user_exception(raised)
            finally:
                # The error's traceback refers to this frame.
                del error
        return self.finalize_request(answer)

    def preprocess_request(self) -> ft.ResponseReturnValue | None:
        """Run the URL value preprocessors, then the `before_request` functions until one returns a response."""
        if not (self.url_value_preprocessors or self.before_request_funcs):
            return None
        # `value_with_request`, inlined to save a call.
        context = current_value(None)
        request: t.Any = (
            None if context is None else context._make_request() if context._request is None else context._request
        )
        del context  # as in `_serve_by_steps`
        if request is None:
            raise RuntimeError(NO_REQUEST_MESSAGE)
        blueprints = request.blueprints
        scopes = (None, *reversed(blueprints)) if blueprints else APP_ALONE
        plan = self._plan
        if self.url_value_preprocessors:
            for scope in scopes:
                for prepare in self.url_value_preprocessors.get(scope, ()):
                    prepare(request.endpoint, request.view_args)
        answer: ft.ResponseReturnValue | None = run_before(self, plan, scopes)
        return answer

    def dispatch_request(self) -> ft.ResponseReturnValue:
        """Call the view of the matched rule and return its return value."""
        context = current_value(None)
        request: t.Any = (
            None if context is None else context._make_request() if context._request is None else context._request
        )
        del context  # as in `_serve_by_steps`
        if request is None:
            raise RuntimeError(NO_REQUEST_MESSAGE)
        if request.routing_exception is not None:
            # Drop this frame's references: the request refers to the error, and the error's traceback to this frame. A
            # reference cycle would keep them until the next garbage collection.
            given = [request]
            del request
            self.raise_routing_exception(given.pop())
        rule = request.url_rule
        if request.method == "OPTIONS" and getattr(rule, "provide_automatic_options", False):
            return self.make_default_options_response()
        view, plan = self.view_functions[rule.endpoint], self._plan
        if plan.epoch is invalidation.epoch and plan.calls_directly and id(view) in self._synchronous:
            # A call without arguments is shorter when it says so.
            return view(**request.view_args) if request.view_args else view()  # type: ignore[return-value] # no coroutine
        answer: ft.ResponseReturnValue = self._run(view, **request.view_args)
        return answer

    def make_default_options_response(self) -> Response:
        """Respond to OPTIONS with the methods that the URL allows."""
        response = self.response_class()
        context, plan = value_with_request(), self._current_plan()
        methods = self._methods_by_map(context, plan) or answers.allowed_methods(context.url_adapter)
        has_plain_headers = plan.text_start is not None and "Allow" not in response.headers
        if methods and has_plain_headers and answers.is_plain_list(methods):
            # What the set writes, without making it.
            response.headers._list.append(("Allow", ", ".join(methods)))
        else:
            response.allow.update(methods)
        return response

    def _methods_by_map(self, context: object, plan: Plan) -> list[str] | None:
        """Return the methods that the URL of the current request allows, if that needs no adapter."""
        url_map = plan.url_map
        if (
            url_map is None
            or type(context) is not RequestContext
            or context._adapter is not False
            or (context._root is not url_map and not url_links.begins_at_root(context, plan))
        ):
            return None
        return answers.methods_for(url_map, environ_of(context.request).get("PATH_INFO"))

    def finalize_request(
        self, rv: ft.ResponseReturnValue | HTTPException, from_error_handler: bool = False
    ) -> Response:
        """Convert a view's return value to a response and process it.

        Args:
            rv: The return value.
            from_error_handler: Whether it is an error page, for which another error is only logged.
        """
        response = self.make_response(rv)
        if response is rv or (isinstance(rv, tuple) and response is rv[0]):
            # Other responses are created for this request.
            response = shared_responses.claim(self, response)
        try:
            response = self.process_response(response)
            plan = self._plan
            if request_finished.receivers or plan.checks_cookies or plan.epoch is not invalidation.epoch:
                self._tell_finished(response)
        except Exception as error:
            if not from_error_handler:
                raise
            self._log_failed_finalizing(error)
            if hasattr(response, "headers"):
                # A function for the response may have returned anything.
                sent_cookies.add_cookies(value_with_request(), response)
        return response

    def _tell_finished(self, response: Response) -> None:
        """Send the signal for a response that is finished, and check its cookies if that is on."""
        if request_finished.receivers:
            send_signal(request_finished, self, self.ensure_sync, response=response)
        plan = self._plan
        if plan.epoch is not invalidation.epoch:
            plan = self._planner.current(self)
        if plan.checks_cookies:
            self._check_cookies(response)

    def _check_cookies(self, response: Response) -> None:
        # No local variable for the settings: tracebacks show them.
        is_usual = self.config.get("COOKIE_CHECKS") is None and self.config.get("COOKIE_UNDECLARED") == "ignore"
        if is_usual and not self._optional_cookies and not sets_cookies(response.headers):
            # Asked first, because it takes longer to find the modes.
            return
        modes = cookie_checks_of(self), undeclared_cookies_of(self)
        if not self._optional_cookies and (modes == (None, None) or not (is_usual or sets_cookies(response.headers))):
            return
        checks.look_at(self, current_request(), response, *modes)  # type: ignore[arg-type] # a Flask

    def make_response(  # noqa: C901 - each kind of answer has its case
        self, rv: ft.ResponseReturnValue
    ) -> Response:
        """Convert a view's return value to a response.

        Args:
            rv: A str or bytes (the body), a dict or list (JSON), an iterator, which may be asynchronous (streamed), a
                response, an HTTP exception or another WSGI callable, or a tuple `(body, status)`, `(body, headers)`,
                `(body, status, headers)`.

        Raises:
            TypeError: If it is none of these, such as None from a view without a return statement.
        """
        plan = self._plan
        if plan.epoch is not invalidation.epoch:
            plan = self._planner.current(self)
        quick = quick_response(plan, rv)
        if quick is not None:
            # The same result as below without calling a constructor.
            return quick
        if type(rv) is tuple and (made := response_of_tuple(plan, rv)) is not None:
            return made
        response_class = self.response_class
        body: t.Any
        body, status, headers = return_values.unpack_answer(rv) if isinstance(rv, tuple) else (rv, None, None)
        if body is None:
            endpoint = current_request().endpoint
            message = (
                f"The view function for {endpoint!r} did not return a valid response. The"
                " function either returned None or ended without a return statement."
            )
            raise TypeError(message)
        response: Response
        if type(body) is response_class or isinstance(body, response_class):
            response = body
        elif type(body).__module__ == HTTPException.__module__ or type(body) in _NO_ITERATORS:
            # One of Werkzeug's errors, its response or an application, none of which is any of the following.
            response = self._convert_response(body)
        elif type(body) is dict or type(body) is list:
            response = self.json.response(body)
        elif (
            type(body) is GeneratorType
            or isinstance(body, (str, bytes, bytearray, Iterator))
            or hasattr(type(body), "__anext__")
        ):
            # Passed to the constructor, so that a content type among the headers replaces the default.
            return response_class(
                body,  # pyright: ignore[reportArgumentType] # it may be a bytearray
                status=status,
                headers=headers,
            )
        elif isinstance(body, (dict, list)):
            response = self.json.response(body)
        else:
            response = self._convert_response(body)
        if status is not None or headers:
            return_values.complete_response(response, status, headers)
        return response

    def _convert_response(self, answer: t.Any) -> Response:
        """Convert another response, an HTTP exception or a WSGI callable to a response of the app's class."""
        reason, application = "", answer
        if isinstance(answer, WerkzeugResponse) or callable(answer):
            environ = current_request().environ
            try:
                if isinstance(answer, HTTPException) and (page := self._error_page(answer, environ)) is not None:
                    # The same result as calling it as a WSGI application, but faster.
                    return page
                plan = self._current_plan()
                if plan.text_start is not None and type(environ) is dict and not isinstance(answer, WerkzeugResponse):
                    # The same result as below.
                    return return_values.response_of_application(plan.response_class, application, environ)
                return self.response_class.force_type(answer, environ)
            except TypeError as error:
                reason = f"{error}\n"
            except Exception as error:
                if isinstance(answer, type):  # called with an environment, which few classes are made for
                    add_hint(error, f"The view returned the class {answer.__name__}. Return an object of it, or text.")
                raise
        message = (
            f"{reason}The view function did not return a valid response. The return type must be a string,"
            " dict, list, tuple with headers or status, Response instance, or WSGI callable,"
            f" but it was a {type(answer).__name__}."
        )
        raise TypeError(message) from None

    def process_response(self, response: Response) -> Response:
        """Run the registered functions for a response, save the session, and add the cookies."""
        context = current_value(None)
        if type(context) is Entered:
            # Its attributes are found faster on the context of the request.
            context = context._request_ctx
        if context is None or ((request := context._request) is None and (request := context._make_request()) is None):
            raise RuntimeError(NO_REQUEST_MESSAGE)
        try:
            if context._is_touched:
                # Created within the request, so nothing is cached about them.
                for function in context._after_functions or ():
                    given: Response = self.ensure_sync(function)(response)
                    response = given if given is response else shared_responses.claim(self, given)
            if self.after_request_funcs:
                blueprints = request.blueprints
                response = run_after(self, self._plan, (*blueprints, None) if blueprints else APP_ALONE, response)
            sent = request.environ.get("HTTP_COOKIE")
            if context._is_touched or sent is not None:
                self._keep_state(context, sent, response)
        finally:
            del context, request  # as in `_serve_by_steps`
        return response

    def _keep_state(self, context: Current, sent: str | None, response: Response) -> None:
        """Save the session and add the cookies.

        Args:
            context: The context of the request.
            sent: The Cookie header of the request.
            response: The response to add them to.
        """
        # No local variable for the session: error trackers show them.
        if context._opened_session is None and sent is not None:
            # A permanent session is renewed even if it was not accessed.
            is_due = getattr(self.session_interface, "is_due", None)
            if is_due is None or is_due(self, sent):
                context._session  # noqa: B018 - this opens it
        if context._opened_session is not None:
            interface = self.session_interface
            if not interface.is_null_session(context._opened_session):
                try:
                    interface.save_session(self, context._opened_session, response)  # type: ignore[arg-type] # every dispatcher is a Flask
                except Exception as error:  # noqa: BLE001 - it is raised again
                    from ..sessions.unavailable import is_answered  # noqa: PLC0415 - only for errors

                    if not is_answered(self, response, error):  # type: ignore[arg-type] # every dispatcher is a Flask
                        from ..keys.secret import without_values  # noqa: PLC0415 - as above

                        del context  # as in `_serve_by_steps`
                        raise without_values(error)  # noqa: B904 - it is the same error
        if context._cookies is not None:
            sent_cookies.add_cookies(context, response)

    def _json_response(self, value: dict[str, object] | list[object]) -> Response | None:
        """Return the response that `app.json` makes of a value; None if the provider must make it."""
        plan = self._plan
        if plan.epoch is not invalidation.epoch:
            plan = self._planner.current(self)
        return None if plan.json_start is None else quick_response(plan, value)

    def _run(self, function: Callable[..., object], /, *args: object, **kwargs: object) -> t.Any:
        """Call a registered function through `ensure_sync`, and remember it if `ensure_sync` returns it unchanged."""
        runner = self.ensure_sync(function)
        if runner is function and self._plan_if_made().calls_directly:
            self._synchronous[id(function)] = function
        return runner(*args, **kwargs)

    def app_context(self) -> AppContext:
        """Return a context that makes this app current; enter it with `with`."""
        plan = self._plan
        if not plan.makes_app_context or plan.epoch is not invalidation.epoch:
            return AppContext(t.cast("Flask", self))
        # What the constructor does, without calling it.
        context = new(AppContext)
        context.app = self
        if plan.skips_adapter_outside:
            context._adapter = None
        else:
            state = state_again(plan.made_outside, self.config)
            context._adapter = self.create_url_adapter(None) if state is None else state
        context._only = context._pushes = context._namespace = None
        if not plan.makes_namespace_later:
            context._namespace = self.app_ctx_globals_class()
        made: AppContext = context
        return made

    def ensure_sync(self, func: Callable[..., object]) -> Callable[..., t.Any]:
        """Return a function that can be called without `await`. Coroutine functions are run to completion."""
        given: t.Any = func
        kind = type(func)
        plain = given.__func__ if kind is MethodType else given
        if kind is FunctionType or type(plain) is FunctionType:
            if plain.__code__.co_flags & CO_COROUTINE:
                return self.async_to_sync(given)
            if not plain.__dict__:
                # It has no attribute that may mark it.
                return func
        elif kind is BuiltinFunctionType:
            return func
        return self.async_to_sync(func) if iscoroutinefunction(func) else func

    def async_to_sync(self, func: Callable[..., t.Coroutine[object, object, object]]) -> Callable[..., t.Any]:
        """Return a function that runs a coroutine function, on the loop of an ASGI server or in another thread.

        Raises:
            RuntimeError: If asgiref is not installed.
        """
        on_loop = awaiting.runs_on_loop(func)
        if on_loop is not None:
            return on_loop
        try:
            synchronous = async_calls.synchronous
        except ImportError:
            # asgiref is an extra.
            message = "Async views on a WSGI server need the 'async' extra of Tuile: pip install \"tuile[async]\"."
            raise RuntimeError(message) from None
        return synchronous(func)


_CALL = Dispatcher.__call__
