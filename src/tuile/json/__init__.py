"""JSON for the code of an application: the standard module's functions, done by the application's own provider.

Floor 2, one request.

Here live the functions that find the provider of the current application and hand over to it. How JSON is written
and read lives in `provider`, what a session can carry in `tag`.
"""

from __future__ import annotations

import json as _json
import typing as t

from tuile.ctx.app_context import NO_APP_MESSAGE, current

from .provider import _default

if t.TYPE_CHECKING:
    from tuile.wrappers.response import Response


def dumps(obj: t.Any, **kwargs: t.Any) -> str:
    """The object as JSON text, by ``app.json.dumps`` or, outside an application, by the standard module.

    :param kwargs: as for `json.dumps`.
    """
    here = current.get(None)
    if here is not None:
        text: str = here.app.json.dumps(obj, **kwargs)
        return text
    kwargs.setdefault("default", _default)
    return _json.dumps(obj, **kwargs)


def dump(obj: t.Any, fp: t.IO[str], **kwargs: t.Any) -> None:
    """Write the object as JSON to a file, by ``app.json.dump`` or the standard module.

    :param fp: a file open for text; UTF-8, if other programs are to read it.
    :param kwargs: as for `json.dump`.
    """
    here = current.get(None)
    if here is not None:
        here.app.json.dump(obj, fp, **kwargs)
        return
    kwargs.setdefault("default", _default)
    _json.dump(obj, fp, **kwargs)


def loads(s: str | bytes, **kwargs: t.Any) -> t.Any:
    """The object that JSON text describes, by ``app.json.loads`` or the standard module.

    :param s: text, or bytes in UTF-8.
    :param kwargs: as for `json.loads`.
    """
    here = current.get(None)
    if here is not None:
        return here.app.json.loads(s, **kwargs)
    return _json.loads(s, **kwargs)


def load(fp: t.IO[t.AnyStr], **kwargs: t.Any) -> t.Any:
    """The object that the JSON in a file describes, by ``app.json.load`` or the standard module.

    :param fp: a file open for text, or for bytes in UTF-8.
    :param kwargs: as for `json.load`.
    """
    here = current.get(None)
    if here is not None:
        return here.app.json.load(fp, **kwargs)
    return _json.load(fp, **kwargs)


def jsonify(*args: t.Any, **kwargs: t.Any) -> Response:
    """A response with the arguments as its JSON body; see `JSONProvider.response`.

    A view that returns a dict or a list gets the same without calling this.

    :param args: one value, or several that become a list.
    :param kwargs: become an object. Not together with ``args``.
    :raises RuntimeError: outside an application context: the application's provider makes the response.
    """
    here = current.get(None)
    if here is None:
        raise RuntimeError(NO_APP_MESSAGE)
    response: Response = here.app.json.response(*args, **kwargs)
    return response
