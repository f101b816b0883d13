"""The debugger's page: frames of libraries are folded, those of the application are open, and none is missing."""

from __future__ import annotations

import io
import json
import os
import re
from html.parser import HTMLParser
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner
from werkzeug import debug
from werkzeug.debug import DebuggedApplication
from werkzeug.debug.tbtools import DebugTraceback

import tuile
from tests.beside_flask import make_environ
from tuile.cli import ScriptInfo, run_command
from tuile.debugger import FoldingTraceback, fold, folding_libraries, library_of


def class_in_use() -> object:
    """Return the class that Werkzeug's debugger uses."""
    return vars(debug)["DebugTraceback"]


class Page(HTMLParser):
    """The frames of a page, in their order: the number of each and the text of the fold that it is in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.frames: list[tuple[int, str | None]] = []
        self.folds: list[str] = []
        self._is_summary = False
        self._depth = 0
        self.feed(html)
        self.close()
        assert self._depth == 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag == "details":
            self._depth += 1
            assert self._depth == 1
            assert "open" not in given
        self._is_summary = tag == "summary"
        if given.get("class") == "frame":
            number = int(str(given["id"]).removeprefix("frame-"))
            self.frames.append((number, self.folds[-1] if self._depth else None))

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "details"
        self._is_summary = False

    def handle_data(self, data: str) -> None:
        if self._is_summary:
            self.folds.append(data)


def new_app(view: Any) -> tuile.Flask:
    app = tuile.Flask(__name__, static_folder=None)
    app.debug = True
    app.add_url_rule("/", "view", view)
    return app


def shown(app: Any) -> tuple[DebuggedApplication, str, str]:
    """Return the debugger after one request, its page, and what it has logged."""
    debugged = DebuggedApplication(app, evalex=True, pin_security=False)
    errors = io.StringIO()
    environ = make_environ() | {"wsgi.errors": errors}
    with folding_libraries():
        body = b"".join(debugged(environ, lambda *_: lambda _: None))
    return debugged, body.decode(), errors.getvalue()


def test_frames_of_libraries_are_folded_and_those_of_the_application_open() -> None:
    def helper() -> str:
        return str(json.loads("{"))

    debugged, html, _ = shown(new_app(helper))
    page = Page(html)
    opened = [debugged.frames[number] for number, fold in page.frames if fold is None]
    assert [frame.name for frame in opened] == ["helper"]  # type: ignore[union-attr] # no console
    assert [text.partition(" of ")[2] for text in page.folds] == ["tuile", "json"]
    counts = [int(text.partition(" ")[0]) for text in page.folds]
    assert sum(counts) + 1 == len(page.frames) == len(debugged.frames)
    assert all(re.fullmatch(r"\d+ frames of .+|1 frame of .+", text) for text in page.folds)


def test_no_frame_is_missing_in_the_text_and_in_the_log() -> None:
    def view() -> str:
        raise LookupError("lost")

    app = new_app(view)
    debugged, html, logged = shown(app)
    assert logged.count('  File "') == len(debugged.frames) == len(Page(html).frames)
    plain = html.partition("<textarea")[2].partition("</textarea>")[0]
    assert plain.count("  File &#34;") == len(debugged.frames)
    assert "LookupError: lost" in logged


def test_a_folded_frame_evaluates_code() -> None:
    def view() -> str:
        raise LookupError("lost")

    debugged, html, _ = shown(new_app(view))
    number = next(number for number, fold in Page(html).frames if fold is not None)
    result = debugged.frames[number].eval("6 * 7")
    assert "42" in result


def test_every_error_of_a_chain_is_folded_on_its_own() -> None:
    def view() -> str:
        try:
            json.loads("{")
        except ValueError as error:
            raise LookupError("lost") from error
        return ""

    _, html, _ = shown(new_app(view))
    page = Page(html)
    assert [text.partition(" of ")[2] for text in page.folds] == ["json", "tuile"]
    assert [fold is None for _, fold in page.frames].count(True) == 2
    assert html.count('<div class="exc-divider">') == 1


def test_without_a_frame_of_the_application_all_are_open() -> None:
    with pytest.raises(ValueError, match="property name") as caught:
        json.loads("{")
    inside = caught.value.__traceback__
    assert inside is not None
    caught.value.__traceback__ = inside.tb_next
    html = FoldingTraceback(caught.value).render_traceback_html()
    assert html.count('<div class="frame"') >= 2
    assert "<details" not in html


HOSTILE = '</ul></details><li><div class="frame" id="frame-1"><script>alert(1)</script>'


def test_what_the_program_shows_is_no_markup() -> None:
    def view() -> str:
        __traceback_info__ = HOSTILE
        raise LookupError(HOSTILE, '</ul><li><div class="frame" id="frame-1"><script>alert(1)</script>')

    debugged, html, _ = shown(new_app(view))
    page = Page(html.partition("<!--")[0])
    assert [number for number, _ in page.frames] == list(debugged.frames)
    assert "<script>alert" not in html.partition("<!--")[0]
    assert len(page.folds) == 1


def test_a_package_with_markup_in_its_name_is_not_shown_by_it() -> None:
    libraries = {1: "<b>", 2: None}
    html = '<ul><li><div class="frame" id="frame-1"></div><li><div class="frame" id="frame-2"></div></ul>'
    assert "1 frame of &lt;b&gt;" in fold(html, libraries)


@pytest.mark.parametrize("html", ["", "<ol><li>1</ol>", "<ul><li class=x>", '<ul><li><p id="frame-1"></p></ul>'])
def test_markup_of_another_form_stays_as_it_is(html: str) -> None:
    assert fold(html, {1: "tuile", 2: None}) == html


def test_many_packages_are_not_all_named() -> None:
    frames = "".join(f'<li><div class="frame" id="frame-{number}"></div>' for number in range(7))
    libraries = {number: f"p{number}" for number in range(6)} | {6: None}
    assert "6 frames of p0, p1, p2, p3, ...<" in fold(f"<ul>{frames}</ul>", libraries)


@pytest.mark.parametrize(
    ("file", "name", "library"),
    [
        ("/home/ada/shop/app.py", "shop.app", None),
        ("/home/ada/shop/app.py", "__main__", None),
        ("/home/ada/shop/templates/index.html", "index", None),
        ("<template>", None, None),
        ("/home/ada/shop/.venv/lib/python3.11/site-packages/click/core.py", "click.core", "click"),
        ("/usr/lib/python3/dist-packages/jinja2/runtime.py", "jinja2.runtime", "jinja2"),
        ("<frozen importlib._bootstrap>", "importlib._bootstrap", "importlib"),
        ("/home/ada/.venv/lib/python3.11/site-packages/x.py", "__main__", "Python"),
        (json.__file__, "json", "json"),
        (tuile.__file__, "tuile", "tuile"),
        ("<tuile: a rule>", "tuile.routing.writing", "tuile"),
        ("/home/ada/tuile_shop/app.py", "tuile_shop.app", None),
    ],
)
def test_which_frames_are_of_a_library(file: str, name: str | None, library: str | None) -> None:
    frame: Any = mock.Mock(filename=file, global_ns={} if name is None else {"__name__": name})
    assert library_of(frame) == library


def test_werkzeugs_class_is_back_afterwards_and_anothers_is_left_alone() -> None:
    with folding_libraries():
        assert class_in_use() is FoldingTraceback
    assert class_in_use() is DebugTraceback
    with mock.patch("werkzeug.debug.DebugTraceback") as other:
        with folding_libraries():
            assert class_in_use() is other
        assert class_in_use() is other


@pytest.mark.parametrize(
    ("options", "folds"), [({}, True), ({"use_debugger": False}, False), ({"debug": False}, False)]
)
def test_app_run_folds_while_it_serves_with_the_debugger(options: dict[str, Any], folds: bool) -> None:
    app = tuile.Flask(__name__, static_folder=None)
    seen: list[object] = []
    with (
        mock.patch("werkzeug.serving.run_simple", side_effect=lambda *_, **__: seen.append(class_in_use())),
        mock.patch("tuile.cli.show_server_banner"),
    ):
        app.run(**{"debug": True, "load_dotenv": False, **options})
    assert seen == [FoldingTraceback if folds else DebugTraceback]
    assert class_in_use() is DebugTraceback


@pytest.mark.parametrize(("words", "folds"), [(["--debug"], True), (["--debug", "--no-debugger"], False), ([], False)])
def test_tuile_run_folds_while_it_serves_with_the_debugger(words: list[str], folds: bool) -> None:
    info = ScriptInfo("shop:app", create_app=lambda: tuile.Flask(__name__, static_folder=None))
    seen: list[object] = []
    with (
        mock.patch.dict(os.environ),
        mock.patch("tuile.cli.run_simple", side_effect=lambda *_, **__: seen.append(class_in_use())),
    ):
        os.environ.pop("FLASK_DEBUG", None)
        CliRunner().invoke(run_command, words, obj=info)
    assert seen == [FoldingTraceback if folds else DebugTraceback]
    assert class_in_use() is DebugTraceback
