"""Explain errors and template lookups to developers in debug mode.

Callers import this module only when an explanation is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .flask_names import offer_flasks_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jinja2 import BaseLoader
    from werkzeug.datastructures import FileStorage, ImmutableMultiDict
    from werkzeug.routing import RequestRedirect

    from .sansio.app import App
    from .sansio.scaffold import Scaffold
    from .wrappers.request import Request


class UnexpectedUnicodeError(AssertionError, UnicodeError):
    """Text was given where bytes are expected, or the other way round."""


class DebugFilesKeyError(KeyError, AssertionError):
    """A file is missing in `request.files` because the form was not sent as multipart."""

    def __init__(self, request: Request, key: str) -> None:
        message = (
            f"You tried to access the file {key!r} in the request.files dictionary but it does"
            f" not exist. The mimetype for the request is {request.mimetype!r} instead of"
            " 'multipart/form-data' which means that no file contents were transmitted. To fix"
            ' this error you should provide enctype="multipart/form-data" in your form.'
        )
        sent = request.form.getlist(key)
        if sent:
            names = ", ".join(map(repr, sent))
            message += f"\n\nThe browser instead transmitted some file names. This was submitted: {names}"
        self.msg = message

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which makes a long message unreadable.
        return self.msg


class FormDataRoutingRedirect(AssertionError):
    """A redirect to the canonical URL would make the browser drop the method and the body."""

    def __init__(self, request: Request) -> None:
        new_url = cast("RequestRedirect", request.routing_exception).new_url
        message = (
            f"A request was sent to '{request.url}', but routing issued a redirect to the canonical URL '{new_url}'."
        )
        if new_url.partition("?")[0] == f"{request.base_url}/":
            message += (
                " The URL was defined with a trailing slash. Flask will redirect to the URL with"
                " a trailing slash if it was accessed without one."
            )
        super().__init__(
            f"{message} Send requests to the canonical URL, or use 307 or 308 for routing"
            " redirects. Otherwise, browsers will drop form data.\n\n"
            "This exception is only raised in debug mode."
        )


def attach_enctype_error_multidict(request: Request) -> None:
    """Make `request.files[key]` raise an explanation if `key` was sent as a plain form field."""
    kind = type(request.files)

    def get_file(files: ImmutableMultiDict[str, FileStorage], key: str) -> FileStorage:
        try:
            return kind.__getitem__(files, key)
        except KeyError as error:
            if key not in request.form:
                raise
            raise DebugFilesKeyError(request, key).with_traceback(error.__traceback__) from None

    explaining = type(kind.__name__, (kind,), {"__getitem__": get_file, "__module__": kind.__module__})
    request.files.__class__ = explaining


def _loader_lines(loader: BaseLoader) -> Iterator[str]:
    """Yield the class of a loader and its public attributes that are plain values."""
    yield f"class: {type(loader).__module__}.{type(loader).__name__}"
    for name, value in sorted(vars(loader).items()):
        if name.startswith("_"):
            continue
        if isinstance(value, (str, int, float)):
            yield f"{name}: {value!r}"
        elif isinstance(value, (tuple, list)) and all(isinstance(item, str) for item in value):
            yield f"{name}:"
            yield from (f"  - {item}" for item in value)


def _owner_text(app: App, owner: Scaffold) -> str:
    if owner is app:
        return f"application {owner.import_name!r}"
    if any(owner is blueprint for blueprint in app.iter_blueprints()):
        return f"blueprint {owner.name!r} ({owner.import_name})"
    return repr(owner)


def explain_template_loading_attempts(
    app: App,
    template: str,
    attempts: Sequence[tuple[BaseLoader, Scaffold, tuple[str, str | None, Callable[[], bool] | None] | None]],
    blueprint: str | None = None,
) -> None:
    """Log where a template was searched and which loaders have it.

    Args:
        app: The application.
        template: The name of the template.
        attempts: For each loader: the loader, the app or blueprint it belongs to, and its result or None.
        blueprint: The name of the blueprint of the current request, if any.
    """
    lines = [f"Locating template {template!r}:"]
    for number, (loader, owner, answer) in enumerate(attempts, 1):
        lines.append(f"{number:5}: trying loader of {_owner_text(app, owner)}")
        lines += [f"       {line}" for line in _loader_lines(loader)]
        outcome = "no match" if answer is None else f"found ({answer[1] or '<string>'!r})"
        lines.append(f"       -> {outcome}")

    found = sum(answer is not None for _, _, answer in attempts)
    if found == 0:
        lines.append("Error: the template could not be found.")
    elif found > 1:
        lines.append("Warning: multiple loaders returned a match for the template.")
    if blueprint is not None and found != 1:
        lines += [
            f"  The template was looked up from an endpoint that belongs to the blueprint {blueprint!r}.",
            "  Maybe you did not place a template in the right folder?",
            "  See https://flask.palletsprojects.com/blueprints/#templates",
        ]
    app.logger.info("\n".join(lines))


offer_flasks_names(__name__)
