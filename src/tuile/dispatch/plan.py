"""What an app notes of itself so that a request need not look for it.

Floor 5, the application. What must live here: under which conditions a step of a request may be left out, or
its work be done without calling it, and how a change of those conditions is noticed: when it is made. What
must not: the steps (`dispatch`), and the doing without (there, and in `request_context`).
"""

from __future__ import annotations

import inspect
import sys
import typing as t
from weakref import WeakValueDictionary

from ..ctx.request_context import RequestContext
from ..invalidation import NOTING, Watched, WatchedSettings, attributes, still_has, when_changed, when_set
from ..json.provider import DefaultJSONProvider
from ..routing.map import Map
from ..urls import UrlBuilding
from ..wrappers.response import CONTENT_TYPE_HEADERS, Response
from .errors import ErrorHandling

if t.TYPE_CHECKING:
    from ..sessions import SessionInterface
    from ..wrappers.request import Request
    from ..wrappers.response import TextStart

#: The steps that are left out, or whose work is done at once, while nobody has replaced them.
OPTIONAL_STEPS = ("app_context", "create_url_adapter", "do_teardown_appcontext", "do_teardown_request", "ensure_sync")
#: The steps that the short walk does without calling them, while nobody has replaced one.
STEPS = (
    "_convert_response",
    "_run",
    "_walk_steps",
    "dispatch_request",
    "finalize_request",
    "full_dispatch_request",
    "make_response",
    "preprocess_request",
    "process_response",
    "request_context",
)
# The steps of building a URL, and what there is of them.
_URL_STEPS = ("inject_url_defaults", "url_for")
_BUILDING_URLS = attributes(UrlBuilding, _URL_STEPS)
# What an app notes things about when it is set on it.
_WATCHED = frozenset(
    {
        *OPTIONAL_STEPS,
        *STEPS,
        *_URL_STEPS,
        "_got_first_request",
        "config",
        "json",
        "request_class",
        "response_class",
        "session_interface",
        "subdomain_matching",
        "url_map",
        "wsgi_app",
    }
)
#: What the classes above have of the optional steps, of what the short walk does by itself, and of the door to the
#: steps. They fill these when they are there.
SHORTENED: dict[str, object] = {}
WALKED: dict[str, object] = {}
DOOR: dict[str, object] = {}
# What a response is made and sent with.
_MADE_AND_SENT = attributes(Response, ("__init__", "__new__", "__call__", "force_type", "from_app"))
_apps: WeakValueDictionary[int, Shortcuts] = WeakValueDictionary()


class Shortcuts(ErrorHandling, metaclass=Watched):
    """The notes of an app. They are taken anew when the app, its class or a class that it uses is changed."""

    # What they depend on.
    _got_first_request: bool
    request_class: type[Request]
    session_interface: SessionInterface

    # What an app notes of itself, its class and the classes it uses, whenever one of them changes.
    #: Whether the optional steps are those defined here, and the URL map can answer by itself.
    walks_plainly = False
    #: The class to make a request of without its constructor; None where that is not to be left out.
    plain_request_class: type[Request] | None = None
    #: What a response made of text alone begins with, where it can be made, and sent, without asking its class.
    text_start: TextStart | None = None
    #: What writes compact JSON, where that is known beforehand; and what a response of such text and a line end begins
    #: with, where that is what a dict or a list becomes.
    write_json: t.Callable[[t.Any], str] | None = None
    json_start: TextStart | None = None
    #: Whether a request may be answered by the short walk, and whether it may as soon as the app is called.
    walks_short = False
    enters_short = False
    #: Whether somebody has wrapped `wsgi_app` or `__call__`, so that it has to be called, and its result be closed.
    calls_wsgi_app = True
    #: Whether the session may wait until it is touched.
    opens_session_lazily = False
    #: What is done about cookies that browsers will drop: ``warn``, ``error``, or None for nothing.
    cookie_checks: str | None = None

    def __setattr__(self, name: str, value: t.Any) -> None:
        super().__setattr__(name, value)
        if name in _WATCHED:
            self._look()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in _WATCHED:
            self._look()

    def _look(self) -> None:
        with NOTING:
            # Closed until all is noted: other threads may be walking.
            self.walks_short = self.enters_short = False
            self._note_all()

    def _note_all(self) -> None:
        # Names alone: what raises shows its variables, and there is the configuration among the values.
        own = frozenset(self.__dict__)
        _apps[id(self)] = self
        self.walks_plainly = plain = (
            still_has(type(self), SHORTENED)
            and not any(step in own for step in OPTIONAL_STEPS)
            and type(self.__dict__.get("url_map")) is Map
            and not self.__dict__.get("subdomain_matching")
        )
        requests, responses = self.request_class, self.response_class
        plain = plain and RequestContext.is_stock and getattr(requests, "starts_plainly", False) is True
        self.plain_request_class = requests if plain else None
        interface = self.session_interface
        self.opens_session_lazily = getattr(interface, "opens_lazily", False) and not vars(interface)
        self.text_start = _text_start(responses)
        self.builds_urls_plainly = still_has(type(self), _BUILDING_URLS) and not any(step in own for step in _URL_STEPS)
        self._note_json()
        self._note_cookie_checks()
        self._note_walk()

    def _note_json(self) -> None:
        self.write_json = self.json_start = None
        start, provider = self.text_start, self.__dict__.get("json")
        # One that was made without the constructor has no app to ask.
        if self.__dict__.get("config") is None:
            return
        if not isinstance(provider, DefaultJSONProvider) or "_app" not in vars(provider):
            return
        self.write_json = provider._compact_writer()
        content_type = CONTENT_TYPE_HEADERS.get(provider.mimetype)
        if start is not None and content_type is not None and provider._answers_compactly(self.config["DEBUG"]):
            self.json_start = (content_type, *start[1:])

    def _note_walk(self) -> None:
        """Note whether requests may be answered by the short walk; the first one may by `_begins_short`."""
        self.walks_short = short = self.__dict__.get("_got_first_request", False) and self._comes_to_the_same()
        self.calls_wsgi_app = "wsgi_app" in self.__dict__ or not still_has(type(self), DOOR)
        self.enters_short = short and not self.calls_wsgi_app

    def _comes_to_the_same(self) -> bool:
        """Answer whether the short walk comes to the same as the steps."""
        own, config = self.__dict__, self.__dict__.get("config")
        return (
            self.plain_request_class is not None
            and self.opens_session_lazily
            and still_has(type(self), WALKED)
            and not any(step in own for step in STEPS)
            and isinstance(config, WatchedSettings)
            and config.get("TRUSTED_HOSTS") is None
        )

    def _begins_short(self) -> bool:
        """Answer whether the first request may be answered by the short walk; then requests have begun."""
        try:
            self._note_cookie_checks()
        except ValueError:
            # For the steps to raise, which know how to answer that.
            return False
        if self._comes_to_the_same():
            self._got_first_request = True
        return self.walks_short

    def _note_cookie_checks(self) -> None:
        """Note what `COOKIE_CHECKS` comes to.

        Raises:
            ValueError: it is none of its values.
        """
        if self.__dict__.get("config") is None:
            return
        mode = self.config.get("COOKIE_CHECKS")
        if mode is None:
            mode = "off"
            if self.config.get("TESTING"):
                # A suite that was written for Flask, and is run as it is, has not asked for it.
                mode = "off" if _runs_what_flask_ran() else "error"
            elif self.config.get("DEBUG"):
                mode = "warn"
        if mode not in {"warn", "error", "off"}:
            message = f"COOKIE_CHECKS is 'warn', 'error', 'off' or None (by TESTING and DEBUG), not {mode!r}."
            raise ValueError(message)
        self.cookie_checks = None if mode == "off" else mode


def _runs_what_flask_ran() -> bool:
    """Answer whether somebody asked for the shim, which `import tuile` brings unasked."""
    return any(
        getattr(finder, "stands_in_for_flask", False) is True and finder.asked_for  # type: ignore[attr-defined] # ours
        for finder in sys.meta_path
    )


def _text_start(kind: t.Any) -> TextStart | None:
    """Return what a response of a class begins with, or None where it has to be made to know what it sends."""
    # A mock may stand there, which has anything that it is asked for.
    is_class = inspect.isclass(kind)
    if not is_class or not still_has(kind, _MADE_AND_SENT) or not kind._sends_plainly or kind._text_start is None:
        return None
    start: TextStart = kind._text_start
    return None if start[2] < 200 or start[2] in {204, 304} else start


def _look_at_apps() -> None:
    for app in list(_apps.values()):
        app._look()


when_changed(_look_at_apps)


def _look_at_settings(settings: object) -> None:
    apps = [app for app in list(_apps.values()) if app.__dict__.get("config") is settings]
    del settings  # what raises shows its variables
    with NOTING:
        for app in apps:
            app._note_json()
            app._note_cookie_checks()
            app._note_walk()


when_set(_look_at_settings, {"COOKIE_CHECKS", "DEBUG", "TESTING", "TRUSTED_HOSTS"})
