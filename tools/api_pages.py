"""The pages of the API reference: which public name is described on which page. The texts are the docstrings."""

from __future__ import annotations

from typing import NamedTuple


class ApiPage(NamedTuple):
    """A page of the reference."""

    title: str
    intro: str
    names: tuple[str, ...]
    #: Whether inherited members are listed: not where they are Werkzeug's, which has a reference of its own.
    inherited: bool = True


PAGES = {
    "application": ApiPage(
        "Application",
        "An application, its blueprints, class-based views and settings.",
        ("tuile.Flask", "tuile.Blueprint", "tuile.Config", "tuile.views.View", "tuile.views.MethodView"),
    ),
    "current": ApiPage(
        "In a view",
        """\
These names stand for the objects of the request that is being handled:

| name | is a |
| --- | --- |
| `request` | [`tuile.Request`][tuile.Request] |
| `session` | [`tuile.sessions.SessionMixin`][tuile.sessions.SessionMixin], a dict that is kept for this browser |
| `cookies` | [`tuile.ctx.cookies.Cookies`][tuile.ctx.cookies.Cookies], a mapping that can be set and deleted |
| `g` | a namespace that lives as long as the context of the application |
| `current_app` | [`tuile.Flask`][tuile.Flask] |
| `websocket` | [`tuile.asgi.websockets.wrapper.WebSocket`][tuile.asgi.websockets.wrapper.WebSocket] |
""",
        (
            "tuile.request",
            "tuile.session",
            "tuile.cookies",
            "tuile.g",
            "tuile.current_app",
            "tuile.websocket",
            "tuile.ctx.cookies.Cookies",
            "tuile.asgi.websockets.wrapper.WebSocket",
        ),
    ),
    "requests": ApiPage(
        "Requests and responses",
        "Subclasses of Werkzeug's. What they inherit is described in "
        "[Werkzeug's documentation](https://werkzeug.palletsprojects.com/en/stable/wrappers/).",
        ("tuile.Request", "tuile.Response"),
        inherited=False,
    ),
    "functions": ApiPage(
        "Functions",
        "What views call.",
        (
            "tuile.url_for",
            "tuile.redirect",
            "tuile.is_safe_redirect",
            "tuile.abort",
            "tuile.make_response",
            "tuile.jsonify",
            "tuile.flash",
            "tuile.get_flashed_messages",
            "tuile.render_template",
            "tuile.render_template_string",
            "tuile.stream_template",
            "tuile.stream_template_string",
            "tuile.get_template_attribute",
            "tuile.send_file",
            "tuile.send_from_directory",
            "tuile.stream_with_context",
            "tuile.sse",
            "tuile.ServerSentEvent",
            "tuile.after_this_request",
            "tuile.copy_current_request_context",
            "tuile.copy_current_websocket_context",
            "tuile.has_app_context",
            "tuile.has_request_context",
            "tuile.has_websocket_context",
            "tuile.csrf.csrf_exempt",
            "tuile.csrf.csrf_token",
        ),
    ),
    "cookies": ApiPage(
        "Declared cookies",
        "What `app.cookie(...)` and `blueprint.cookie(...)` return. "
        "[How they are used.](../cookies.md#declared-cookies)",
        ("tuile.cookie.declared.DeclaredCookie",),
    ),
    "sessions": ApiPage(
        "Sessions",
        "[How they are used.](../sessions.md)",
        (
            "tuile.sessions.SessionMixin",
            "tuile.sessions.SecureCookieSession",
            "tuile.sessions.NullSession",
            "tuile.sessions.SessionInterface",
            "tuile.sessions.SecureCookieSessionInterface",
            "tuile.sessions.RefusesSessions",
            "tuile.sessions.Session",
            "tuile.sessions.users.Sessions",
        ),
    ),
    "testing": ApiPage(
        "Testing",
        "[How they are used.](../testing.md) `FlaskClient` and `EnvironBuilder` also have what Werkzeug's have.",
        (
            "tuile.testing.FlaskClient",
            "tuile.testing.FlaskCliRunner",
            "tuile.testing.EnvironBuilder",
            "tuile.testing.Browser",
            "tuile.testing.BrowserResponse",
            "tuile.testing.Tab",
            "tuile.testing.Frame",
            "tuile.testing.Verdicts",
            "tuile.testing.WithheldCookies",
            "tuile.testing.AsyncClient",
            "tuile.testing.StreamedResponse",
            "tuile.testing.TestApp",
            "tuile.testing.ClientWebSocket",
            "tuile.testing.WebSocketRefused",
        ),
        inherited=False,
    ),
    "json": ApiPage(
        "JSON",
        "The functions use the JSON provider of the current application.",
        (
            "tuile.json.dumps",
            "tuile.json.loads",
            "tuile.json.dump",
            "tuile.json.load",
            "tuile.json.provider.JSONProvider",
            "tuile.json.provider.DefaultJSONProvider",
        ),
    ),
    "signals": ApiPage(
        "Signals",
        "Signals of [blinker](https://blinker.readthedocs.io/). The sender is the application.",
        (
            "tuile.request_started",
            "tuile.request_finished",
            "tuile.request_tearing_down",
            "tuile.got_request_exception",
            "tuile.template_rendered",
            "tuile.before_render_template",
            "tuile.message_flashed",
            "tuile.appcontext_pushed",
            "tuile.appcontext_popped",
            "tuile.appcontext_tearing_down",
            "tuile.websocket_started",
            "tuile.websocket_finished",
            "tuile.websocket_tearing_down",
            "tuile.got_websocket_exception",
        ),
    ),
    "exceptions": ApiPage(
        "Exceptions and warnings",
        "The exceptions for HTTP statuses, such as `NotFound`, are "
        "[Werkzeug's](https://werkzeug.palletsprojects.com/en/stable/exceptions/).",
        (
            "tuile.exceptions.CookieSyntaxError",
            "tuile.exceptions.CookieCheckError",
            "tuile.exceptions.CookieWarning",
            "tuile.exceptions.BadToken",
            "tuile.exceptions.CSRFError",
            "tuile.exceptions.SessionTooLargeError",
            "tuile.exceptions.SessionConflictError",
            "tuile.exceptions.BadMessage",
            "tuile.exceptions.WebSocketDisconnect",
        ),
        inherited=False,
    ),
}
# Modules that are exported: their names are on pages of their own.
MODULES = {"json", "shim"}


def page_of(name: str) -> str:
    """Return a page as Markdown, with the directives that mkdocstrings fills in."""
    page = PAGES[name]
    options = f"    options:\n      inherited_members: {str(page.inherited).lower()}\n"
    return f"# {page.title}\n\n{page.intro}\n\n" + "\n".join(f"::: {name}\n{options}" for name in page.names)
