"""The functions of the standard `json` module, implemented by the JSON provider of the current application."""

from __future__ import annotations

import json as _json
import typing as t

from tuile.ctx.app_context import current_value
from tuile.ctx.values import NO_APP_MESSAGE

from ..flask_names import offer_flasks_names
from ..patched import names
from .provider import _default

if t.TYPE_CHECKING:
    from tuile.app import Flask
    from tuile.wrappers.response import Response

# The application that a test may have put there.
_APP = "flask.json.current_app"
# What `json.dumps` makes for each call.
_dumps, _Encoder = _json.dumps, _json.JSONEncoder
_encoder = _json.JSONEncoder(default=_default)


def dumps(obj: object, **kwargs: t.Any) -> str:
    """Serialize an object as JSON with ``app.json.dumps``, or with the standard module if no application is active.

    Args:
        obj: The object.
        kwargs: As for `json.dumps`.
    """
    here = current_value(None)
    app: Flask | None = names.get(_APP) if here is None else here.app
    if app:
        return app.json.dumps(obj, **kwargs)
    if not kwargs and _json.dumps is _dumps and _json.JSONEncoder is _Encoder:
        return _encoder.encode(obj)
    kwargs.setdefault("default", _default)
    return _json.dumps(obj, **kwargs)


def dump(obj: object, fp: t.IO[str], **kwargs: t.Any) -> None:
    """Serialize an object as JSON to a file with ``app.json.dump``, or with the standard module.

    Args:
        obj: The object.
        fp: A text file. It should use UTF-8 if other programs read it.
        kwargs: As for `json.dump`.
    """
    here = current_value(None)
    app: Flask | None = names.get(_APP) if here is None else here.app
    if app:
        app.json.dump(obj, fp, **kwargs)
        return
    kwargs.setdefault("default", _default)
    _json.dump(obj, fp, **kwargs)


def loads(s: str | bytes, **kwargs: t.Any) -> t.Any:
    """Deserialize JSON with ``app.json.loads``, or with the standard module if no application is active.

    Args:
        s: Text, or bytes in UTF-8.
        kwargs: As for `json.loads`.
    """
    here = current_value(None)
    app: Flask | None = names.get(_APP) if here is None else here.app
    if app:
        return app.json.loads(s, **kwargs)
    return _json.loads(s, **kwargs)


def load(fp: t.IO[t.AnyStr], **kwargs: t.Any) -> t.Any:
    """Deserialize JSON from a file with ``app.json.load``, or with the standard module.

    Args:
        fp: A text file, or a binary file in UTF-8.
        kwargs: As for `json.load`.
    """
    here = current_value(None)
    app: Flask | None = names.get(_APP) if here is None else here.app
    if app:
        return app.json.load(fp, **kwargs)
    return _json.load(fp, **kwargs)


def jsonify(*args: object, **kwargs: object) -> Response:
    """Return a response with the arguments as JSON; see `JSONProvider.response`.

    A view can return a dict or a list instead.

    Args:
        args: One value, or several values that become a list.
        kwargs: The members of an object. Cannot be combined with `args`.

    Raises:
        RuntimeError: If no application is active.
    """
    here = current_value(None)
    if here is None:
        app: Flask | None = names.get(_APP)
        if app is None:
            raise RuntimeError(NO_APP_MESSAGE)
        return app.json.response(*args, **kwargs)
    # Most responses are made without asking the provider, as those of views that return a dict or a list.
    obj: object = args[0] if len(args) == 1 and not kwargs else None if args else kwargs or None
    if type(obj) is dict or type(obj) is list:
        quick = here.app._json_response(obj)
        if quick is not None:
            return quick
    response: Response = here.app.json.response(*args, **kwargs)
    return response


offer_flasks_names(__name__)
