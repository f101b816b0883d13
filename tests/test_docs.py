"""What can be checked about README, ARCHITECTURE, CHANGELOG and docs/ without reading them: `make docs`.

Python blocks compile. One marked `python run` is run in an interpreter of its own, as a reader would run it, together
with the `python continue` blocks after it. What is different from Flask is demonstrated in test_differences.py.
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import flask
import pytest

import tuile
from tests.frames.test_frames import WORKS, stored_session_app
from tools.doc_blocks import FENCE, PAGES, Example, examples, text_of
from tuile.cli import cli

ROOT = Path(__file__).resolve().parent.parent
# Written by commands and not kept in every working copy.
GENERATED = {ROOT / "docs" / "compatibility.md", ROOT / "docs" / "performance.md"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FILE = re.compile(r"`((?:src|tests|docs|examples|benchmarks|tools|\.ci)/[\w./-]+)`")
COMMAND = re.compile(r"^tuile (?:--\S+ \S+ )*([a-z][\w-]*)", re.MULTILINE)
MAKE = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)
DRAWN = re.compile(r"^   (\w+)/? {2,}", re.MULTILINE)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", text_of(page))


def shell(page: Path) -> str:
    """The commands of a page's shell blocks."""
    return "".join(code for language, _, code in FENCE.findall(text_of(page)) if language == "sh")


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to, as the usual Git hosts make them."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in headings}


@every_page
def test_a_link_within_the_project_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):  # https:, mailto:
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (page.parent / file).resolve() if file else page
        if target in GENERATED:
            continue
        assert target.exists(), f"{link}: no such file"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: no such heading"


@every_page
def test_a_file_that_is_named_exists(page: Path) -> None:
    if page.name == "compatibility.md":
        pytest.skip("it names files of other projects")
    assert [
        name for name in FILE.findall(prose(page)) if not (ROOT / name).exists() and ROOT / name not in GENERATED
    ] == []


@every_page
def test_a_page_of_the_folder_is_in_its_list(page: Path) -> None:
    listed = {(ROOT / "docs" / link).resolve() for link in LINK.findall(text_of(ROOT / "docs" / "README.md"))}
    if ROOT / "docs" in page.parents and page.name != "README.md":
        assert page in listed


@every_page
def test_a_python_block_compiles(page: Path) -> None:
    for language, _, code in FENCE.findall(text_of(page)):
        if language == "python":
            compile(code, str(page), "exec")


@pytest.mark.parametrize("example", examples(), ids=lambda one: f"{one.page.relative_to(ROOT)}:{one.line}")
def test_an_example_runs(example: Example, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", example.code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr


@every_page
def test_a_make_command_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert set(MAKE.findall(prose(page) + shell(page))) <= targets


def test_every_command_of_the_makefile_does_something() -> None:
    recipes = re.findall(r"^([a-z-]+):[^\n]*##[^\n]*\n(.?)", text_of(ROOT / "Makefile"), re.MULTILINE)
    assert {name for name, first in recipes if first != "\t"} == {"venv"}


@every_page
def test_a_tuile_command_exists(page: Path) -> None:
    assert set(COMMAND.findall(shell(page))) <= set(cli.commands)


@every_page
def test_a_page_names_no_folder_of_one_machine(page: Path) -> None:
    assert re.findall(r"(?<![\w.])/(?:home|root|tmp|work|Users)/\S*", text_of(page)) == []


def test_the_picture_of_the_layers_has_every_module_and_package() -> None:
    picture = next(code for language, _, code in FENCE.findall(text_of(ROOT / "ARCHITECTURE.md")) if "edges" in code)
    modules = {
        path.stem
        for path in (ROOT / "src" / "tuile").iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.name != "__init__.py")
    }
    assert set(DRAWN.findall(picture)) == modules


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the page has the figures of CPython 3.11")
def test_the_functions_entered_are_those_that_the_performance_page_states(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first cookie of a second formats a date that later ones reuse.
    monkeypatch.setattr("time.time", partial(float, 1_700_000_000.0))  # no function of Python
    table = text_of(ROOT / "docs" / "performance.md").partition("<!-- begin functions")[2].partition("<!-- end")[0]
    stated = {
        name: (int(theirs), int(ours)) for name, theirs, ours in re.findall(r"\| ([\w ]+) \| (\d+) \| (\d+) \|", table)
    }
    counted = {}
    # Flask keeps no sessions on the server.
    for work in (work for work in WORKS if work.make_app is not stored_session_app):
        counts = []
        for framework in (flask, tuile):
            client, environ = work.prepared(framework)
            counts.append(len(client.functions_entered(environ)))
        counted[work.name] = tuple(counts)
    assert {name: ours for name, (_, ours) in stated.items()} == {name: ours for name, (_, ours) in counted.items()}
    # Flask's own vary by a few with what else was done in the process.
    assert all(abs(stated[name][0] - theirs) <= theirs / 8 for name, (theirs, _) in counted.items())
