"""The files and the commands that belong to an application or to a blueprint."""

from __future__ import annotations

import os
import typing as t
from datetime import timedelta
from functools import cached_property

from .ctx.app_context import current_value
from .globals import current_app
from .helpers import send_from_directory
from .patched import in_place_of

if t.TYPE_CHECKING:
    from click import Group

    from .app import Flask
    from .sansio.scaffold import Scaffold
    from .wrappers.response import Response


class HasResources:
    """The files and commands of an application or a blueprint: a mixin, because `Scaffold` reads no files."""

    root_path: str
    # What sends its static files, by its name in Flask.
    _sender = "flask.blueprints.send_from_directory"

    if t.TYPE_CHECKING:

        @property
        def static_folder(self) -> str | None:
            """The absolute path of the folder of static files."""

        @static_folder.setter
        def static_folder(self, value: str | os.PathLike[str] | None) -> None: ...

    @cached_property
    def cli(self) -> Group:
        """The group of this object's commands, named after it and created on first use."""
        group = self._new_group()
        group.name = t.cast("Scaffold", self).name
        return group

    def _new_group(self) -> Group:
        # Imported here because serving requests does not need click.
        from .cli import AppGroup  # noqa: PLC0415

        return in_place_of("flask.blueprints.AppGroup", AppGroup)()

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Return for how many seconds browsers may cache `filename` without revalidating it.

        The default for all files is SEND_FILE_MAX_AGE_DEFAULT of the application. None makes browsers revalidate every
        time. Override this method to decide by name.
        """
        context = current_value(None)
        # The unbound proxy raises an error that says what is missing.
        app: Flask = current_app if context is None else context.app
        age: timedelta | int | None = app.config["SEND_FILE_MAX_AGE_DEFAULT"]
        return int(age.total_seconds()) if isinstance(age, timedelta) else age

    def send_static_file(self, filename: str) -> Response:
        """Return a response with a file of the static folder. This is the view of the static route.

        Raises:
            RuntimeError: If there is no static folder.
            NotFound: If there is no such file.
        """
        folder = self.static_folder
        if folder is None:
            raise RuntimeError("'static_folder' must be set to serve static_files.")
        # Computed here because `send_file` calls the method of the application, not of the blueprint.
        max_age = self.get_send_file_max_age(filename)
        return in_place_of(self._sender, send_from_directory)(folder, filename, max_age=max_age)

    def open_resource(self, resource: str, mode: str = "rb", encoding: str | None = None) -> t.IO[t.Any]:
        """Open a file below the root path for reading.

        Args:
            resource: The path, relative to the root path.
            mode: "rb", "r" or "rt".
            encoding: The encoding for "r" and "rt". None: the default of the platform.

        Raises:
            ValueError: If the mode is another one.
        """
        if mode not in {"r", "rt", "rb"}:
            raise ValueError("Resources can only be opened for reading.")
        path = os.path.join(self.root_path, resource)
        return open(path, mode, encoding=None if mode == "rb" else encoding)
