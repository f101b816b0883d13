"""The attributes of a request for its body and its form: the stream, the fields, the files and the limits."""

from __future__ import annotations

import typing as t

from werkzeug.datastructures import FileStorage
from werkzeug.utils import cached_property

from ..ctx.app_context import current_value
from ..http.parameters import ImmutableMultiDict
from .environ import Kept
from .forms import load_usual_form

if t.TYPE_CHECKING:
    from .request import Request

_new_multidict = ImmutableMultiDict.__new__


class Files(cached_property[ImmutableMultiDict[FileStorage]]):
    """The uploaded files. Once they are set, the request must be closed."""

    if not t.TYPE_CHECKING:

        def __get__(self, obj: Request | None, owner: type | None = None) -> object:
            if obj is None:
                return self
            own = obj.__dict__
            if "files" not in own:
                app = own.get("_app_without_files")
                if app is None:
                    own["files"] = self.fget(obj)
                else:
                    own["files"] = _new_multidict(ImmutableMultiDict)
                    if app.debug:
                        explain_missing_files(obj)
            return own["files"]

    def __set__(self, obj: object, value: ImmutableMultiDict[FileStorage]) -> None:
        super().__set__(obj, value)
        vars(obj)["closes_nothing"] = False

    def __delete__(self, obj: object) -> None:
        own = vars(obj)
        if own.pop("_app_without_files", None) is None or "files" in own:
            super().__delete__(obj)


if t.TYPE_CHECKING:
    Form = cached_property
else:

    class Form(Kept):
        """The fields of the form. Most forms are read by one function."""

        def __get__(self, instance: Request | None, owner: type | None = None) -> object:
            if instance is None:
                return self
            own = instance.__dict__
            if "form" in own:
                # A property of that name calls this one by `super()`.
                return own["form"]
            if not (instance._has_plain_form and load_usual_form(instance)):
                own["form"] = self.fget(instance)
            return own["form"]

    Form.__name__ = Form.__qualname__ = cached_property.__name__
    Form.__module__ = cached_property.__module__


class BodyStream(cached_property[t.IO[bytes]]):
    """The stream of the body. It counts as made once the body was read, so that it can be deleted."""

    def __delete__(self, obj: object) -> None:
        own = vars(obj)
        unmade = own.pop("_unmade", None)
        if unmade is None or "stream" in own:
            super().__delete__(obj)


BodyStream.__name__ = BodyStream.__qualname__ = cached_property.__name__


def limit_of(key: str, default: int | None) -> property:
    """Return a property with the app's setting `key` as its value until it is set on a request."""
    own = f"_{key.lower()}"

    def read(self: Request) -> int | None:
        value: int | None = getattr(self, own)
        if value is not None:
            return value
        context = current_value(None)
        if context is None:
            return default
        configured: int | None = context.app.config[key]
        return configured

    def write(self: Request, value: int | None) -> None:
        setattr(self, own, value)

    return property(read, write, doc=f"The limit `{key}` of the configuration, or the one set on this request.")


def explain_missing_files(request: Request) -> None:
    """Let the files of a request that has none say in debug mode why."""
    from ..debughelpers import attach_enctype_error_multidict  # noqa: PLC0415 - only in debug mode

    if request.mimetype != "multipart/form-data" and not request.files:
        attach_enctype_error_multidict(request)
