"""The settings of an application: a dict that can be filled from files, objects and the environment.

`DEFAULTS` is the table of all settings with their units and meanings.
"""

from __future__ import annotations

import errno
import json
import os
import typing as t
from datetime import timedelta
from threading import get_ident
from types import GetSetDescriptorType, ModuleType

from werkzeug.utils import import_string

from .flask_names import offer_flasks_names
from .invalidation import Stock
from .watched_settings import PLANNED_SETTINGS, WatchedSettings

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .http.cookies import SameSite

    class _HasConfig(t.Protocol):
        """An object with a `ConfigAttribute`."""

        @property
        def config(self) -> dict[str, t.Any]: ...

    _TextName = t.Literal["APPLICATION_ROOT", "PREFERRED_URL_SCHEME", "SESSION_COOKIE_NAME", "SESSION_COOKIE_PATH"]
    _OptionalTextName = t.Literal["SERVER_NAME", "SESSION_COOKIE_DOMAIN"]
    _FlagName = t.Literal["SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_PARTITIONED", "SESSION_COOKIE_SECURE"]


T = t.TypeVar("T")


class Default:
    """One setting: its name, default value, unit or type, and meaning."""

    __slots__ = ("meaning", "name", "unit", "value")

    def __init__(self, name: str, value: object, unit: str, meaning: str) -> None:
        self.name = name
        self.value = value
        self.unit = unit
        self.meaning = meaning


DEFAULTS: tuple[Default, ...] = (
    Default(
        "DEBUG",
        None,
        "bool or None (off)",
        "Debug mode: the interactive debugger, readable JSON, templates and code reloaded on change. "
        "`tuile run --debug` and the variable FLASK_DEBUG set it early enough for everything to notice. "
        "Never on a public server: the debugger runs code.",
    ),
    Default(
        "TESTING",
        False,
        "bool",
        "Let exceptions reach the test instead of becoming an error page. Extensions read it too.",
    ),
    Default(
        "PROPAGATE_EXCEPTIONS",
        None,
        "bool or None (on when TESTING or DEBUG is)",
        "Raise an unhandled exception out of the application instead of answering 500.",
    ),
    Default(
        "SECRET_KEY",
        None,
        "str, bytes or None (no signing)",
        "Signs the session and whatever else has to be tamper-proof. Long, random, and only on the server: "
        "`tuile secret` prints one.",
    ),
    Default(
        "SECRET_KEY_FALLBACKS",
        None,
        "list of str or bytes, oldest first, or None",
        "Former secret keys that are still good for reading, so that the key can be changed without logging "
        "everyone out. Each one costs a signature check; remove it once the sessions it signed have expired.",
    ),
    Default(
        "PERMANENT_SESSION_LIFETIME",
        timedelta(days=31),
        "timedelta, or int seconds",
        "How long a session with `session.permanent = True` lasts, in the browser and on the server's check.",
    ),
    Default(
        "USE_X_SENDFILE",
        False,
        "bool",
        "Answer `send_file` with an X-Sendfile header and let the web server in front send the file.",
    ),
    Default(
        "TRUSTED_HOSTS",
        None,
        "list of str or None (every host)",
        "The host names a request may ask for; another one is answered with 400. "
        "A leading dot stands for the name and all its subdomains.",
    ),
    Default(
        "SERVER_NAME",
        None,
        "str `host[:port]` or None",
        "The host this application is reached under. Needed for subdomain matching and for URLs made outside "
        "a request. It does not turn other hosts away.",
    ),
    Default(
        "APPLICATION_ROOT",
        "/",
        "str, a URL path",
        "Where the application is mounted: for URLs made outside a request, and the session cookie's path when "
        "SESSION_COOKIE_PATH is not set.",
    ),
    Default("SESSION_COOKIE_NAME", "session", "str", "The name of the session cookie."),
    Default(
        "SESSION_COOKIE_DOMAIN",
        None,
        "str or None (only the host that set it)",
        "Share the session with every subdomain of this domain. Not set is the safer choice.",
    ),
    Default(
        "SESSION_COOKIE_PATH",
        None,
        "str or None (APPLICATION_ROOT)",
        "The session cookie is sent for URLs underneath this path only.",
    ),
    Default("SESSION_COOKIE_HTTPONLY", True, "bool", "Hide the session cookie from scripts in the page."),
    Default(
        "SESSION_COOKIE_SECURE",
        False,
        "bool",
        "Send the session cookie over HTTPS only. Turn it on wherever the site is served over HTTPS.",
    ),
    Default(
        "SESSION_COOKIE_PARTITIONED",
        False,
        "bool",
        "Keep one session cookie per embedding site, for an application shown in other sites' frames. "
        "Implies SESSION_COOKIE_SECURE.",
    ),
    Default(
        "SESSION_COOKIE_SAMESITE",
        None,
        "'Lax', 'Strict', 'None' or None (not sent)",
        "Whether the session cookie comes along when another site links or posts to this one. 'Lax' is a good choice.",
    ),
    Default(
        "SESSION_REFRESH_EACH_REQUEST",
        True,
        "bool",
        "Send a permanent session's cookie with every response, so that it expires after the last visit and not "
        "after the last change.",
    ),
    Default(
        "MAX_CONTENT_LENGTH",
        None,
        "int bytes or None (no limit)",
        "The largest request body that is read; a larger one is answered with 413. "
        "`request.max_content_length` changes it for one request.",
    ),
    Default(
        "MAX_FORM_MEMORY_SIZE",
        500_000,
        "int bytes or None (no limit)",
        "The largest single form field that is not a file, in a multipart body; a larger one is answered with 413. "
        "`request.max_form_memory_size` changes it for one request.",
    ),
    Default(
        "MAX_FORM_PARTS",
        1_000,
        "int fields or None (no limit)",
        "The most fields a multipart body may have; more are answered with 413. "
        "`request.max_form_parts` changes it for one request.",
    ),
    Default(
        "SEND_FILE_MAX_AGE_DEFAULT",
        None,
        "timedelta, int seconds, or None (ask again each time)",
        "How long browsers may keep a file that `send_file` sent, without asking whether it changed.",
    ),
    Default(
        "TRAP_BAD_REQUEST_ERRORS",
        None,
        "bool or None (on in debug mode)",
        "Raise the error of a missing form or query key, with the key's name, instead of answering a bare 400.",
    ),
    Default(
        "TRAP_HTTP_EXCEPTIONS",
        False,
        "bool",
        "Raise HTTP exceptions that no handler takes, for the debugger, instead of answering with them.",
    ),
    Default("EXPLAIN_TEMPLATE_LOADING", False, "bool", "Log in which places a template was looked for."),
    Default("PREFERRED_URL_SCHEME", "http", "str", "The scheme of URLs made outside a request."),
    Default(
        "TEMPLATES_AUTO_RELOAD",
        None,
        "bool or None (on in debug mode)",
        "Look at each use whether a template's file changed.",
    ),
    Default(
        "MAX_COOKIE_SIZE",
        4093,
        "int bytes, 0 for no warning",
        "Warn when a Set-Cookie line is longer than this: browsers drop large cookies without a word.",
    ),
    Default(
        "PROVIDE_AUTOMATIC_OPTIONS",
        True,
        "bool",
        "Answer OPTIONS for every route that does not say otherwise with its `provide_automatic_options`.",
    ),
    # Not Flask's.
    Default("SECRET_KEY_RETIRED", None, "list of ids or None", "Keys not to be used any more, by their ids."),
    Default("SECRET_KEY_CHECKS", None, "'warn', 'error', 'off' or None (by mode)", "Tell of keys that can be guessed."),
    Default("SESSION_DIGEST", "sha1", "'sha1' (Flask's) or 'sha256'", "Signs new sessions; both are read."),
    Default("SESSION_ENCRYPT", False, "bool", "Encrypt sessions, in cookies and in the store; others are still read."),
    Default(
        "SESSION_READS",
        None,
        "list of 'sha1', 'sha256', 'signed', 'encrypted', 'flask-session'; None: all",
        "Sessions to read.",
    ),
    Default("SESSION_ABSOLUTE", None, "timedelta, seconds or None (no end)", "The maximum age of a session."),
    Default(
        "SESSION_STORE",
        None,
        "None (a signed cookie), 'sqlite', 'sqlite:///path', 'redis://...', 'postgresql://...', 'memory', a Store",
        "Where sessions are kept: on the server, with only an id in the cookie. The settings below are for them.",
    ),
    Default("SESSION_WRITES", None, "'store', 'cookie' or None (the store)", "Where new sessions are if there is one."),
    Default(
        "SESSION_OVERFLOW", "warn", "'warn', 'error', 'spill' (to the store)", "When a cookie is too small for one."
    ),
    Default("SESSION_EPOCH_AGE", 5, "timedelta or seconds", "How soon end_all() ends sessions that are in cookies."),
    Default("SESSION_DURABLE", "process", "'process' or 'machine'", "What a saved session survives if it stops."),
    Default("SESSION_KEY_PREFIX", "session:", "str", "What names in Redis, PostgreSQL begin with."),
    Default("SESSION_TIMEOUT", 1, "timedelta or seconds", "How long to wait for Redis or PostgreSQL."),
    Default("SESSION_POOL", 16, "int", "How many connections to them a process has at most."),
    Default("SESSION_USER_KEY", "_user_id", "str or None", "The key of the session that says who is logged in."),
    Default("SESSION_IDLE", None, "timedelta, seconds; None: PERMANENT_SESSION_LIFETIME", "How long it lasts unseen."),
    Default("SESSION_RENEW", None, "timedelta, seconds or None (never)", "When a session gets a new secret."),
    Default("SESSION_GRACE", 30, "timedelta or seconds", "How long a former id still reads."),
    Default("SESSION_REPLAY", "end", "'end' or 'log'", "What to do when a former id is used after that."),
    Default("SESSION_SEEN_EVERY", 60, "timedelta or seconds", "How often it is stored that a session was seen."),
    Default("SESSION_MAX_PER_USER", None, "int or None (any number)", "How many sessions a user may have."),
    Default("SESSION_CONFLICT", "last", "'last' or 'error'", "What to do when two requests set the same key."),
    Default("SESSION_CHECK_EVERY", 10, "timedelta or seconds", "How soon open WebSockets end with their session."),
    Default("SESSION_FAILURE", "error", "'error' (503) or 'empty'", "How a session reads when the store is away."),
    Default("SESSION_DEVICE", "agent", "'agent' or 'none'", "Whether User-Agent and address are kept."),
    Default("ASGI_WORKERS", None, "int or None (4 more than CPUs, at most 32)", "Threads for synchronous views."),
    Default("ASGI_STREAM_WORKERS", 200, "int", "How many threads may stream, or wait for coroutines, besides them."),
    Default("ASGI_SPOOL", 64 * 1024 * 1024, "int bytes", "How much a coroutine reads of a body without another limit."),
    Default("BACKGROUND_TASK_THREADS", 32, "int", "How many background tasks run in threads at the same time."),
    Default("BACKGROUND_TASK_SHUTDOWN_TIMEOUT", 5, "seconds", "How long to wait for them when the server stops."),
    Default("WEBSOCKET_MAX_SIZE", 1024 * 1024, "int bytes or None", "The largest message that a WebSocket receives."),
    Default("WEBSOCKET_GRACE", 5, "seconds", "How long a view may go on with a message when its client has left."),
    Default("ASGI_SHUTDOWN_TIMEOUT", 10, "seconds", "How long to wait for these threads when the server stops."),
    Default(
        "CSRF", None, "'fetch', 'token', 'off' or None (off)", "Refuse requests that other sites make browsers send."
    ),
    Default("CSRF_TRUSTED_ORIGINS", None, "list of 'https://example.com', ...; or None", "Origins that may send them."),
    Default("COOKIE_DEFAULTS", None, "'secure', 'strict' or None", "Attributes of cookies that are set without them."),
    Default("DOCTOR_SILENCED", None, "list of ids or None", "What `tuile doctor` leaves out."),
    Default("COOKIE_UNDECLARED", "ignore", "'ignore', 'warn' or 'error'", "In tests: tell of undeclared cookies."),
    Default("CONSENT_COOKIE_NAME", "consent", "str", "The cookie in which `app.consent` keeps the visitor's answer."),
    Default(
        "CONSENT_LIFETIME", timedelta(days=182), "timedelta, or int seconds", "After that, visitors are asked anew."
    ),
    Default("CONSENT_REVISION", 1, "int", "Another number than before asks all visitors anew."),
    Default("COOKIE_CHECKS", None, "'warn', 'error', 'off' or None (by mode)", "Tell of cookies that browsers drop."),
)

DEFAULT_CONFIG: dict[str, object] = {row.name: row.value for row in DEFAULTS}


class ConfigAttribute(t.Generic[T]):
    """An attribute whose value is kept in the ``config`` of the object.

    Args:
        name: The key in the config.
        get_converter: Converts the value on every read.
    """

    def __init__(self, name: str, get_converter: Callable[[t.Any], T] | None = None) -> None:
        self.__name__ = name
        self.get_converter = get_converter

    @t.overload
    def __get__(self, obj: None, owner: type[object] | None = None) -> ConfigAttribute[T]: ...

    @t.overload
    def __get__(self, obj: _HasConfig, owner: type[object] | None = None) -> T: ...

    def __get__(self, obj: _HasConfig | None, owner: type[object] | None = None) -> T | ConfigAttribute[T]:
        if obj is None:
            return self
        value: T = obj.config[self.__name__]
        return value if self.get_converter is None else self.get_converter(value)

    def __set__(self, obj: _HasConfig, value: object) -> None:
        obj.config[self.__name__] = value


# What a repr does not show: it ends in logs and error trackers.
_HIDDEN = frozenset({"SECRET_KEY", "SECRET_KEY_FALLBACKS", "SESSION_STORE"})
# The configs that are being shown, by thread.
_being_shown: set[tuple[int, int]] = set()


_set_watched, _update = WatchedSettings.__setitem__, WatchedSettings.update
# For a prefix that was asked for: the names of all settings, and those that begin with it, as they are and as they are
# returned. Names change seldom.
_namespaces: dict[tuple[str, bool, int], tuple[list[str], list[tuple[str, str]]]] = {}
_MOST_NAMESPACES = 100
_LISTING = Stock(object, "__dir__", "__getattribute__")


class Config(WatchedSettings):
    """A dict of settings that can also be filled from Python files, objects, data files and the environment.

    Files and objects may have other names as well: only names in upper case are settings.

    Args:
        root_path: The directory that relative file names refer to.
        defaults: The initial settings, which are copied.
    """

    def __init__(self, root_path: str | os.PathLike[str], defaults: Mapping[str, object] | None = None) -> None:
        super().__init__(defaults or {})
        self.root_path = root_path

    if t.TYPE_CHECKING:
        # What is configured by default, for type checkers. No method: reading is as fast as reading any dict.
        @t.overload
        def __getitem__(self, key: _TextName) -> str: ...
        @t.overload
        def __getitem__(self, key: _OptionalTextName) -> str | None: ...
        @t.overload
        def __getitem__(self, key: _FlagName) -> bool: ...
        @t.overload
        def __getitem__(self, key: t.Literal["SESSION_COOKIE_SAMESITE"]) -> SameSite | None: ...
        @t.overload
        def __getitem__(self, key: str) -> t.Any: ...
        def __getitem__(self, key: str) -> object:
            """Return a setting."""

    def from_envvar(self, variable_name: str, silent: bool = False) -> bool:
        """Load the Python file that an environment variable names; see `from_pyfile`.

        Args:
            variable_name: The name of the variable.
            silent: Return False if the variable or the file is missing, instead of raising an error.

        Raises:
            RuntimeError: If the variable is missing or empty.
        """
        filename = os.environ.get(variable_name)
        if filename:
            return self.from_pyfile(filename, silent=silent)
        if silent:
            return False
        message = (
            f"The environment variable {variable_name!r} is not set and as such configuration could not be loaded."
            " Set this variable and make it point to a configuration file"
        )
        raise RuntimeError(message)

    def from_prefixed_env(self, prefix: str = "FLASK", *, loads: Callable[[str], object] = json.loads) -> bool:
        """Load all environment variables whose names begin with a prefix, in the order of their names; return True.

        ``FLASK_MAIL__PORT=25`` becomes ``config["MAIL"]["PORT"] = 25``: two underscores address a nested dict, which
        is created if it is missing.

        Args:
            prefix: The prefix, without its underscore.
            loads: Converts the text to a value. If it raises an error, the text is kept.
        """
        start = f"{prefix}_"
        for variable in sorted([variable for variable in os.environ if variable.startswith(start)]):
            text = os.environ[variable]
            value: object = text
            # If the loader fails, the value is plain text. `suppress` would take longer.
            try:  # noqa: SIM105
                value = loads(text)
            except Exception:  # noqa: BLE001, S110
                pass
            *steps, last = variable[len(start) :].split("__")
            target: t.Any = self
            for step in steps:
                if step not in target:
                    target[step] = {}
                target = target[step]
            target[last] = value
        return True

    def from_pyfile(self, filename: str | os.PathLike[str], silent: bool = False) -> bool:
        """Execute a Python file as a module of its own and load its upper case names.

        Args:
            filename: An absolute path, or one relative to `root_path`.
            silent: Return False if the file is missing, instead of raising an error.
        """
        path = os.path.join(self.root_path, filename)
        module = ModuleType("config")
        module.__file__ = path
        try:
            with open(path, "rb") as file:
                source = file.read()
            # A configuration file is a program that the caller wants to run.
            exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102
        except OSError as error:
            if silent and error.errno in (errno.ENOENT, errno.EISDIR, errno.ENOTDIR):
                return False
            _say_what_failed(error)
            raise
        self.from_object(module)
        return True

    def from_object(self, obj: object | str) -> None:
        """Load the upper case attributes of an object, a class or a module, which may be given by its import name.

        A dict has no such attributes: use `from_mapping`. A property of a class is read only from an instance.
        """
        source: object = import_string(obj) if isinstance(obj, str) else obj
        if type(source) is ModuleType and "__dir__" not in (own := vars(source)):
            self._set_each({name: own[name] for name in sorted(filter(str.isupper, own))})
            return
        # A setting that no plan depends on may be set as in any dict.
        direct = type(self).__setitem__ is _set_watched
        # One by one: a property may read those before it.
        for name in _names_in_upper_case(source):
            if direct and name not in PLANNED_SETTINGS:
                dict.__setitem__(self, name, getattr(source, name))
            else:
                self[name] = getattr(source, name)

    def from_file(
        self,
        filename: str | os.PathLike[str],
        load: Callable[[t.IO[t.Any]], Mapping[str, t.Any]],
        silent: bool = False,
        text: bool = True,
    ) -> bool:
        """Load the upper case keys of a data file: ``from_file("c.toml", tomllib.load, text=False)``.

        Args:
            filename: An absolute path, or one relative to `root_path`.
            load: Reads the open file and returns a mapping.
            silent: Return False if the file is missing, instead of raising an error.
            text: Open the file in text mode rather than in binary mode.
        """
        path = os.path.join(self.root_path, filename)
        try:
            with open(path, "r" if text else "rb") as file:
                settings = load(file)
        except OSError as error:
            if silent and error.errno in (errno.ENOENT, errno.EISDIR):
                return False
            _say_what_failed(error)
            raise
        return self.from_mapping(settings)

    def from_mapping(self, mapping: Mapping[str, object] | None = None, **kwargs: object) -> bool:
        """Load the upper case keys of a mapping, then those of the keyword arguments; return True."""
        settings = kwargs
        if mapping is not None:
            settings = {**dict(mapping), **kwargs} if kwargs else dict(mapping)
        if type(self).__setitem__ is not _set_watched:
            return self._set_those_in_upper_case(settings)
        for name in settings:
            if type(name) is not str or not name.isupper():
                return self._set_those_in_upper_case(settings)
        _update(self, settings)
        return True

    def _set_those_in_upper_case(self, settings: dict[str, object]) -> bool:
        """Do what `from_mapping` does, for a mapping with other names as well."""
        found: dict[str, object] = {}
        try:
            # Those before a name that is no text are set as well.
            for name, value in settings.items():
                if name.isupper():
                    found[name] = value  # noqa: PERF403 - as said
        finally:
            self._set_each(found)
        return True

    def _set_each(self, settings: dict[str, object]) -> None:
        """Set some settings, one by one if a subclass looks at each."""
        if type(self).__setitem__ is _set_watched:
            _update(self, settings)
        else:
            for name, value in settings.items():
                self[name] = value

    def get_namespace(self, namespace: str, lowercase: bool = True, trim_namespace: bool = True) -> dict[str, t.Any]:
        """Return the settings whose names begin with a prefix, for example as keyword arguments of a constructor.

        Args:
            namespace: The prefix, for example ``"MAIL_"``.
            lowercase: Convert the names to lower case.
            trim_namespace: Remove the prefix from the names.
        """
        if type(namespace) is not str or type(self).items is not dict.items:
            return self._asked_for(namespace, lowercase, trim_namespace)
        # Those that `items` has, whatever a subclass iterates over.
        names = [*dict.keys(self)]
        lowers, cut = bool(lowercase), (len(namespace) if trim_namespace else 0)
        kept = _namespaces.get((namespace, lowers, cut))
        # Equal names were all found to be plain text before; most are the same objects.
        pairs = kept[1] if kept is not None and kept[0] == names else None
        if pairs is None:
            if not {str}.issuperset(map(type, names)):
                return self._asked_for(namespace, lowercase, trim_namespace)
            full = [name for name in names if name.startswith(namespace)]
            pairs = [(name, name[cut:].lower() if lowers else name[cut:]) for name in full]
            if len(_namespaces) == _MOST_NAMESPACES:
                _namespaces.clear()
            _namespaces[namespace, lowers, cut] = names, pairs
        return {short: dict.get(self, name) for name, short in pairs}

    def _asked_for(self, namespace: str, lowercase: bool, trim_namespace: bool) -> dict[str, object]:
        """Do what `get_namespace` does, for settings or a prefix of which each is asked."""
        pairs = [(name, value) for name, value in self.items() if name.startswith(namespace)]
        cut = len(namespace) if trim_namespace and pairs else 0
        return {name[cut:].lower() if lowercase else name[cut:]: value for name, value in pairs}

    def __repr__(self) -> str:
        mine = (id(self), get_ident())
        if mine in _being_shown:
            # As a dict that is among its own values.
            return f"<{type(self).__name__} {{...}}>"
        shown = dict.copy(self)
        for name in _HIDDEN:
            if shown.get(name):
                shown[name] = "..."
        _being_shown.add(mine)
        try:
            return f"<{type(self).__name__} {shown!r}>"
        finally:
            _being_shown.discard(mine)
            del shown  # tracebacks show local variables


def _names_in_upper_case(source: object) -> list[str]:
    """Return those of the names that `dir` lists, sorted as it does."""
    kind = source if type(source) is type else type(source)
    # `object`, which comes last, has none.
    places = kind.__mro__[:-1]
    if kind is source:
        if len(places) == 1:
            return sorted(filter(str.isupper, vars(source)))
        found: list[t.Mapping[str, object]] = [vars(place) for place in places]
    elif _lists_attributes(kind):
        found = [vars(source), *map(vars, places)]
    else:
        return [name for name in dir(source) if name.isupper()]
    return sorted({name for names in found for name in names if name.isupper()})


def _lists_attributes(kind: type) -> bool:
    """Return whether `dir` lists the attributes of an instance, of its class and of the bases, and asks no method."""
    if type(kind) is not type or not _LISTING.is_in(kind) or kind.__dictoffset__ == 0:
        return False
    for place in kind.__mro__[:-1]:
        own = vars(place)
        if "__class__" in own or ("__dict__" in own and type(own["__dict__"]) is not GetSetDescriptorType):
            return False
    return True


def _say_what_failed(error: OSError) -> None:
    """Add to the message of the error that a configuration file could not be read."""
    error.strerror = f"Unable to load configuration file ({error.strerror})"


offer_flasks_names(__name__)
