"""A file as the answer.

Floor 3 (what a view reaches for).

Lives here: `send_file` and `send_from_directory`, with the running application's settings.
Does not live here: ranges, conditions and file types, which are Werkzeug's; the static route
(scaffold).
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, AnyStr, cast

from werkzeug import utils

from .globals import current_app, request

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from datetime import datetime

    from .wrappers.response import Response


def _with_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The options of Werkzeug's functions: those given, completed by application and request."""
    if options.get("max_age") is None:
        options["max_age"] = current_app.get_send_file_max_age
    return {
        **options,
        "environ": request.environ,
        "use_x_sendfile": current_app.config["USE_X_SENDFILE"],
        "response_class": current_app.response_class,
        "_root_path": current_app.root_path,
    }


def send_file(
    path_or_file: os.PathLike[AnyStr] | str | IO[bytes],
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | float | None = None,
    max_age: int | Callable[[str | None], int | None] | None = None,
) -> Response:
    """A response with the contents of a file.

    Never give it a path that comes from a client: `send_from_directory` is for those.

    path_or_file: a path, relative to the application's root path, or a binary file open at the
        place to send from. With a path the server may send the file itself.
    mimetype: of the contents; by default the name tells, and a file without a name needs it.
    as_attachment: whether the browser saves it rather than shows it.
    download_name: under which name; by default that of the path.
    conditional: whether conditional and range requests are answered as such.
    etag: the entity tag, True to compute one from the file, False for none.
    last_modified: when it changed, a datetime or seconds since 1970; by default the file's own.
    max_age: for how many seconds the client may keep it without asking, or a function of the
        path; by default `Flask.get_send_file_max_age`.
    Raises ValueError for a file open as text, and TypeError when no name is known to save under.
    """
    options = _with_settings(
        {
            "path_or_file": path_or_file,
            "mimetype": mimetype,
            "as_attachment": as_attachment,
            "download_name": download_name,
            "conditional": conditional,
            "etag": etag,
            "last_modified": last_modified,
            "max_age": max_age,
        }
    )
    return cast("Response", utils.send_file(**options))


def send_from_directory(directory: os.PathLike[str] | str, path: os.PathLike[str] | str, **kwargs: Any) -> Response:
    """A response with the file at `path` in `directory`, and never one outside of it.

    directory: relative to the application's root path, and not from a client.
    path: relative to the directory; it may come from a client.
    kwargs: as in `send_file`.
    Raises NotFound when there is no such file, or when the path would lead out.
    """
    return cast("Response", utils.send_from_directory(directory, path, **_with_settings(kwargs)))
