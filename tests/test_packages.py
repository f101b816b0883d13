"""The directories of import names, compared with Flask's results."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import flask
import flask.helpers
import flask.sansio.scaffold
import pytest

import tuile
from tuile.packages import find_located, find_package, get_root_path, locate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KNOWN = ["flask", "json", "json.decoder", "jinja2.loaders", "tuile", "pytest", "__main__", "no_such_name", "no.such"]


@pytest.mark.parametrize("name", KNOWN)
def test_the_prefix_and_path_are_those_that_flask_finds(name: str) -> None:
    assert find_package(name) == flask.sansio.scaffold.find_package(name)


@pytest.mark.parametrize("name", KNOWN)
def test_the_root_path_is_the_one_that_flask_finds(name: str) -> None:
    assert get_root_path(name) == flask.helpers.get_root_path(name)


@pytest.mark.parametrize("kind", ["module", "package", "namespace", "inner"])
@pytest.mark.parametrize(
    ("folder", "prefix"),
    [
        ("env/lib/python3.11/site-packages", "env"),
        ("env/Lib/site-packages", "env"),
        ("env/site-packages", "env"),
        ("project", None),
    ],
)
def test_an_installed_package_has_the_prefix_of_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, prefix: str | None, kind: str
) -> None:
    place = tmp_path / folder
    name = f"placed_{abs(hash((folder, kind)))}"
    if kind == "module":
        place.mkdir(parents=True)
        (place / f"{name}.py").touch()
    elif kind == "package":
        (place / name).mkdir(parents=True)
        (place / name / "__init__.py").touch()
    else:
        (place / name / "inner").mkdir(parents=True)
        (place / name / "inner" / "__init__.py").touch()
    if kind == "inner":
        name += ".inner"
    monkeypatch.syspath_prepend(place)
    expected = None if prefix is None else str(tmp_path / prefix)
    assert find_package(name) == (expected, str(place))


def test_the_portion_of_a_namespace_that_holds_the_package_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for portion in ("first", "second"):
        (tmp_path / portion / "spread_out" / portion).mkdir(parents=True)
        (tmp_path / portion / "spread_out" / portion / "__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path / portion)
    assert find_package("spread_out.first") == (None, str(tmp_path / "first"))
    assert find_package("spread_out.second") == (None, str(tmp_path / "second"))


def test_a_folder_whose_name_only_begins_like_the_prefix_is_outside_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "env-two"
    place.mkdir()
    (place / "beside_the_prefix.py").touch()
    monkeypatch.syspath_prepend(place)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    assert find_package("beside_the_prefix") == (None, str(place))


class _NamelessLoader:
    """An import hook that does not know the file of a module."""

    def __init__(self, path: str | None) -> None:
        self.path = path

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name == "from_a_hook" else None  # type: ignore[arg-type] # duck-typed

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if self.path is not None:
            module.__file__ = self.path


def test_a_module_whose_loader_names_no_file_is_imported_to_ask_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", [_NamelessLoader(str(tmp_path / "hooked.py")), *sys.meta_path])
    try:
        assert get_root_path("from_a_hook") == str(tmp_path)
    finally:
        sys.modules.pop("from_a_hook", None)


def test_a_module_without_any_file_needs_the_root_path_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [_NamelessLoader(None), *sys.meta_path])
    try:
        with pytest.raises(RuntimeError, match="No root path can be found for the provided module 'from_a_hook'"):
            get_root_path("from_a_hook")
    finally:
        sys.modules.pop("from_a_hook", None)


@pytest.mark.parametrize("name", [*KNOWN, "sys", "", "a..b", ".a"])
def test_what_was_located_is_what_is_found_again(name: str) -> None:
    try:
        path, spec = locate(name)
    except (RuntimeError, ImportError, ValueError) as error:
        with pytest.raises(type(error)):
            get_root_path(name)
        return
    assert path == get_root_path(name)
    assert find_located(name, spec) == find_package(name)


@pytest.mark.parametrize(
    "path",
    [
        *("/a/b.py", "/b.py", "//b.py", "//a/b.py", "/a//b.py", "/a/./b.py", "/a/../b.py", "/../b.py", "/a/.b.py"),
        *(
            "/.a/b.py",
            "/a/..",
            "/a/.",
            "/a/",
            "/",
            "a/b.py",
            "b.py",
            "./b.py",
            "/a/...py/b.py",
            "/a./b",
            "/a/b.",
            "/ü/ä",
        ),
    ],
)
def test_the_root_path_is_the_folder_of_the_file_however_it_is_written(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("written")
    module.__file__ = path
    monkeypatch.setitem(sys.modules, "written", module)
    assert get_root_path("written") == flask.helpers.get_root_path("written")


def test_an_app_looks_for_a_name_that_cannot_be_imported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Finder:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            asked.append(name)

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    app = tuile.Flask("no_such_name_at_all", static_folder=None)
    assert asked == ["no_such_name_at_all"]
    theirs = flask.Flask("no_such_name_at_all", static_folder=None)
    assert (app.root_path, app.instance_path) == (theirs.root_path, theirs.instance_path)
    assert app.auto_find_instance_path() == theirs.auto_find_instance_path()
    assert asked[1:] == ["no_such_name_at_all"] * 4


def test_an_app_may_find_its_instance_folder_under_another_name() -> None:
    def program(lib: Any) -> str:
        class Own(lib.Flask):  # type: ignore[misc] # the framework's
            def auto_find_instance_path(self) -> str:
                self.import_name = "json"
                return str(super().auto_find_instance_path())

        return str(Own("no_such_name_at_all", static_folder=None).instance_path)

    assert program(tuile) == program(flask)
