"""`make typing` reveals the type of every name that is exported, and completes those that users type most."""

from __future__ import annotations

import re
from pathlib import Path

import flask
import pytest

import tuile
from tools.check_types import completed, exported_names
from tools.completions import UNWANTED, WANTED
from tools.doc_blocks import Example, programs

ROOT = Path(__file__).resolve().parent.parent
REVEALED = (ROOT / "typing_tests" / "exported_names.py").read_text(encoding="utf-8")


def test_the_exported_names_are_those_that_can_be_imported() -> None:
    assert {name for name in exported_names() if not hasattr(tuile, name)} == set()
    public = {name for name, value in vars(tuile).items() if name[0] != "_" and "tuile" in str(type(value).__module__)}
    assert {name for name in public if name in vars(flask)} <= exported_names()


def test_everything_that_flask_exports_is_exported() -> None:
    # Flask has no __all__: what it exports is what its __init__ imports under its own name.
    source = Path(str(flask.__file__)).read_text(encoding="utf-8")
    assert set(re.findall(r"^from \S+ import (\w+) as \1$", source, re.MULTILINE)) - exported_names() == set()


@pytest.mark.parametrize("name", sorted(exported_names() - {"shim"}))
def test_the_type_of_an_exported_name_is_revealed(name: str) -> None:
    assert re.search(rf"\btuile\.{name}\b", REVEALED), f"typing_tests/exported_names.py lacks tuile.{name}"


def test_the_completions_that_are_asked_for_exist() -> None:
    with tuile.Flask("shop").test_request_context(json={}):
        for name in ("request", "session", "g", "cookies", "current_app"):
            assert WANTED[name] - set(dir(getattr(tuile, name))) - {"handle"} == set(), name
    assert {"request", "session", "g", "cookies"} <= set(WANTED)
    assert UNWANTED


def test_a_fragment_gets_the_names_that_it_lacks() -> None:
    fragment = Example(ROOT, 1, "@app.get('/')\ndef index():\n    return send(request.path)\n", "")
    assert completed(fragment).splitlines()[3:6] == [
        "app = tuile.Flask('page')",
        "from tuile import request",
        "send: Any = ...",
    ]


def test_there_are_programs_to_check() -> None:
    assert len(programs()) > 50
