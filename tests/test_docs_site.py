"""The documentation site: every page is in its navigation, every public name and every setting is described.

`make docs-site` builds it, with warnings as errors.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from tools.api_pages import MODULES, PAGES, page_of
from tools.check_site import fetched
from tools.check_types import exported_names
from tools.docs_site import ROOT_PAGES, _link_on_site
from tools.settings_page import settings_page
from tuile import exceptions, testing
from tuile.config import DEFAULTS

ROOT = Path(__file__).resolve().parent.parent
NAV = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2].partition("\nvalidation:")[0]
NAMES = [name for page in PAGES.values() for name in page.names]


def found(name: str) -> object:
    """Return the object of a dotted name."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_a_page_is_in_the_navigation(page: str) -> None:
    assert page == "README.md" or f": {page}\n" in NAV, f"add {page} to the `nav` of mkdocs.yml"


def test_the_navigation_has_no_page_that_is_not_there() -> None:
    made = {*ROOT_PAGES.values(), "settings.md"}
    for page in re.findall(r": (\S+\.md)$", NAV, re.MULTILINE):
        assert page in made or (ROOT / "docs" / page).exists()


@pytest.mark.parametrize("name", sorted(exported_names() - MODULES))
def test_an_exported_name_has_an_entry(name: str) -> None:
    assert f"tuile.{name}" in NAMES


def test_public_names_of_the_modules_that_users_import_have_an_entry() -> None:
    assert {f"tuile.testing.{name}" for name in testing.__all__ if name[0] != "_"} - set(NAMES) <= {
        "tuile.testing.environ_without_builder"
    }
    own = [one for one in vars(exceptions).values() if isinstance(one, type) and one.__module__ == "tuile.exceptions"]
    assert {f"tuile.exceptions.{one.__name__}" for one in own} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_exists_and_has_a_description(name: str) -> None:
    one = found(name)
    if inspect.isclass(one) or inspect.isroutine(one):
        assert inspect.getdoc(one)


def test_a_name_is_described_once() -> None:
    assert len(NAMES) == len(set(NAMES))


def test_a_page_of_the_reference_has_its_names() -> None:
    assert "::: tuile.url_for\n" in page_of("functions")


def test_every_setting_is_on_its_page() -> None:
    page = settings_page()
    assert [row.name for row in DEFAULTS if page.count(f"| `{row.name}` |") != 1] == []
    assert page.index("SECRET_KEY_FALLBACKS") < page.index("## Tuile's own") < page.index("SESSION_STORE` |")


@pytest.mark.parametrize(
    ("link", "source", "name", "expected"),
    [
        ("docs/cookies.md#caches", "README.md", "index.md", "cookies.md#caches"),
        ("../SECURITY.md", "docs/threat-model.md", "threat-model.md", "security.md"),
        ("../../README.md#speed", "docs/decisions/asgi.md", "decisions/asgi.md", "../index.md#speed"),
        ("../cookies.md", "docs/decisions/asgi.md", "decisions/asgi.md", "../cookies.md"),
        ("../examples/cookies/app.py", "docs/cookies.md", "cookies.md", "R/blob/main/examples/cookies/app.py"),
        ("https://example.com/a#b", "README.md", "index.md", "https://example.com/a#b"),
        ("#caches", "docs/cookies.md", "cookies.md", "#caches"),
        ("nowhere.md", "docs/cookies.md", "cookies.md", "nowhere.md"),
    ],
)
def test_a_link_leads_to_the_page_of_the_site(link: str, source: str, name: str, expected: str) -> None:
    assert _link_on_site(link, source, name, "R") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('<script src="https://cdn.example/a.js"></script>', ["https://cdn.example/a.js"]),
        ('<link href="https://fonts.example/a.css" rel="stylesheet">', ["https://fonts.example/a.css"]),
        ('<a href="https://example.com/">', []),
        ('<link rel="canonical" href="https://example.com/">', []),
        ('<script src="assets/a.js">', []),
    ],
)
def test_what_a_page_fetches_from_elsewhere_is_found(text: str, expected: list[str]) -> None:
    assert fetched(text) == expected
