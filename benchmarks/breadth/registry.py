"""What a work is, and how the modules in `subjects/` list theirs.

A subject lists works as views, applications or calls:

    cookies = Subject("cookies")

    @cookies.view("one set")
    def _() -> Any:
        response = f.make_response("x")
        response.set_cookie("theme", "dark")
        return response

Keywords in capital letters are settings of the application; the others are described at `Subject.view`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.breadth.framework import f
from benchmarks.content import ASSETS
from benchmarks.measuring.asking import Ask
from benchmarks.measuring.call import Call
from benchmarks.measuring.doors import Direct, Door, Wsgi

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Work:
    """One work: an application or a function, and what is asked of it.

    Attributes:
        name: Its subject and what it does.
        open: Makes the application or the call, behind its door.
        ask: The request that is measured.
        login: A request before it, whose cookies go with the measured one.
        varies: A pattern of what may differ between two answers, such as a random token.
        per_block: How many times it is done in one block when instructions are counted.
    """

    name: str
    open: Callable[[], Door]
    ask: Ask
    login: Ask | None = None
    varies: str | None = None
    per_block: int = 10


def ask(
    path: str = "/", method: str = "GET", body: bytes | str = b"", type: str | None = None, cookies: str = "",
    **headers: str,
) -> Ask:  # fmt: skip
    """Return a request.

    Args:
        path: The path and query, percent-encoded.
        method: The method; POST where there is a body and GET is given.
        body: The body.
        type: The content type of the body.
        cookies: The value of the Cookie header.
        headers: More headers, with `_` for `-`.
    """
    if isinstance(body, str):
        body = body.encode()
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    if type is not None:
        given.append(("Content-Type", type))
    if cookies:
        given.append(("Cookie", cookies))
    return Ask("POST" if body and method == "GET" else method, path, tuple(given), body)


class Subject:
    """The works of one subject."""

    def __init__(self, name: str, setup: Callable[[Any], None] | None = None, **settings: Any) -> None:
        """Make it.

        Args:
            name: The name, which stands before the name of each work.
            setup: Registers on each application what several works need.
            settings: The settings of each application.
        """
        self.name = name
        self.works: list[Work] = []
        self._setup = setup
        self._settings = settings

    def _new(self, settings: dict[str, Any], make: Callable[..., Any] | None = None) -> Any:
        app = (make or f.Flask)("benchmarks", root_path=ASSETS)
        app.config.update({**self._settings, **settings})
        if self._setup is not None:
            self._setup(app)
        return app

    def _add(self, name: str, opener: Callable[[], Door], request: Ask, options: dict[str, Any]) -> None:
        self.works.append(Work(f"{self.name}: {name}", opener, request, **options))

    def view(
        self, name: str, path: str = "/", *, rule: str | None = None, make: Callable[..., Any] | None = None,
        **keywords: Any,
    ) -> Callable[[Any], Any]:  # fmt: skip
        """List a work whose view is the decorated function.

        Args:
            name: What it does.
            path: The path and query that are asked for.
            rule: The rule of the view; the path without its query by default.
            make: Makes the application, from what `Flask` is given.
            keywords: Settings, fields of `Work`, and arguments of `ask`.
        """

        def add(view: Any) -> Any:
            def register(app: Any) -> None:
                app.add_url_rule(
                    rule or path.partition("?")[0], "view", view, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]
                )

            self.app(name, path, make=make, **keywords)(register)
            return view

        return add

    def app(
        self, name: str, path: str = "/", *, make: Callable[..., Any] | None = None, **keywords: Any
    ) -> Callable[[Any], Any]:
        """List a work whose application the decorated function prepares; it may return another one, as middleware."""
        options, settings, request = _sorted(keywords)

        def add(register: Any) -> Any:
            def opener() -> Door:
                app = self._new(settings, make)
                return Wsgi(register(app) or app)

            self._add(name, opener, ask(path, **request), options)
            return register

        return add

    def app_of(self, *asked: tuple[str, Ask], **keywords: Any) -> Callable[[Any], Any]:
        """List several requests to the one application that the decorated function prepares."""
        options, settings, _ = _sorted(keywords)

        def add(register: Any) -> Any:
            def opener() -> Door:
                app = self._new(settings)
                return Wsgi(register(app) or app)

            for name, request in asked:
                self._add(name, opener, request, options)
            return register

        return add

    def call(
        self, name: str, context: str = "request", path: str = "/", base: str = "http://127.0.0.1:8000",
        **keywords: Any,
    ) -> Callable[[Any], Any]:  # fmt: skip
        """List a work that is a call of the decorated function.

        Args:
            name: What it does.
            context: Where it is called: in a `request`, an `app` context, or `none`. In `none` it is given the app.
            path: The path of the request.
            base: The scheme and host of the request.
            keywords: Settings and fields of `Work`.
        """
        options, settings, _ = _sorted(keywords)

        def add(function: Any) -> Any:
            def opener() -> Door:
                app = self._new(settings)
                if context == "none":
                    return Direct(Call(function(app), contextlib.nullcontext))
                if context == "app":
                    return Direct(Call(function, app.app_context))
                return Direct(Call(function, lambda: app.test_request_context(path, base_url=base)))

            self._add(name, opener, Ask(), options)
            return function

        return add


def _sorted(keywords: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Split keywords into fields of a work, settings, and arguments of `ask`."""
    fields = {"login", "varies", "per_block"}
    return (
        {name: value for name, value in keywords.items() if name in fields},
        {name: value for name, value in keywords.items() if name.isupper()},
        {name: value for name, value in keywords.items() if name not in fields and not name.isupper()},
    )
