"""Click parameter types for ``--cert``, ``--key`` and lists of paths."""

from __future__ import annotations

from typing import Any

import click
from werkzeug.utils import import_string


class CertParamType(click.ParamType):  # type: ignore[type-arg]  # not subscriptable in older releases of click
    """A certificate: an existing file, ``adhoc``, or the import path of an SSLContext."""

    name = "path"

    def __init__(self) -> None:
        self.path_type = click.Path(exists=True, dir_okay=False, resolve_path=True)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return the path of the file, ``"adhoc"``, or the SSLContext.

        Raises:
            click.BadParameter: If `value` is none of these, or Python has no ssl module, or ``adhoc`` is given and the
                package cryptography is not installed.
        """
        try:
            import ssl  # noqa: PLC0415 - a Python can be built without it
        except ImportError:
            raise click.BadParameter(
                'Using "--cert" requires Python to be compiled with SSL support.', ctx, param
            ) from None

        try:
            return self.path_type(value, param, ctx)
        except click.BadParameter:
            name = click.STRING(value, param, ctx)
            if name.lower() == "adhoc":
                _require_cryptography(param, ctx)
                return "adhoc"
            imported = import_string(name, silent=True)
            if isinstance(imported, ssl.SSLContext):
                return imported
            raise


def _require_cryptography(param: click.Parameter | None, ctx: click.Context | None) -> None:
    try:
        import cryptography  # noqa: F401, PLC0415 - an extra; only its presence matters
    except ImportError:
        raise click.BadParameter("Using ad-hoc certificates requires the cryptography library.", ctx, param) from None


def _validate_key(ctx: click.Context, param: click.Parameter, value: object) -> object:
    """Check ``--key`` against ``--cert``, which is parsed first, and store the pair of both as ``cert``.

    Raises:
        click.BadParameter: If a certificate file has no key, or another kind of certificate has one.
    """
    cert = ctx.params.get("cert")
    if not cert:
        if value is None:
            return None
        raise click.BadParameter('"--cert" must also be specified.', ctx, param)

    kind = None
    if cert == "adhoc":
        kind = '"adhoc"'
    elif not isinstance(cert, str):
        kind = "an SSLContext object"

    if kind is None and value is None:
        raise click.BadParameter('Required when using "--cert".', ctx, param)
    if kind is not None and value is not None:
        raise click.BadParameter(f'When "--cert" is {kind}, "--key" is not used.', ctx, param)
    if value is not None:
        ctx.params["cert"] = (cert, value)
    return value


class SeparatedPathType(click.Path):
    """A list of paths in one argument, separated by ``:`` or, on Windows, ``;``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Split `value` and validate each path as a click.Path."""
        check = super().convert  # a comprehension has no super() before Python 3.12
        return [check(path, param, ctx) for path in self.split_envvar_value(value)]
