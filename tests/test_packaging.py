"""What is published: the extras, the groups of developers, the addresses. The wheel itself is tested by `make dist`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str | dict[str, str]]] = PYPROJECT["dependency-groups"]
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py")))

# The packages whose module has another name.
MODULES = {"python-dotenv": "dotenv"}


@pytest.mark.parametrize("extra", EXTRAS)
def test_something_uses_each_extra(extra: str) -> None:
    for requirement in EXTRAS[extra]:
        distribution = re.split(r"[<>=!~\[; ]", requirement)[0]
        module = MODULES.get(distribution, distribution)
        used = rf'^\s*(import|from) {module}\b|"{module}"'  # imported, or looked for
        assert re.search(used, SOURCE, re.MULTILINE), f"nothing in src uses {module}"


def test_a_message_names_only_extras_that_exist() -> None:
    assert set(re.findall(r"tuile\[(\w+)\]", SOURCE)) <= set(EXTRAS)


def test_what_only_developers_need_is_not_published() -> None:
    assert {"dev", "test", "docs"} & set(EXTRAS) == set()
    assert {"dev", "test"} <= set(GROUPS)


def test_every_package_of_developers_is_pinned() -> None:
    lines = [line for group in GROUPS.values() for line in group if isinstance(line, str)]
    assert [line for line in lines if "==" not in line] == []


def test_the_tools_install_groups_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"tools/make-venv \S+ \S+ (\w+)$", makefile, re.MULTILINE)
    assert named
    assert set(named) <= set(GROUPS)


def test_the_addresses_that_registries_show_are_given() -> None:
    assert {"Documentation", "Source", "Changelog", "Issues", "Security"} <= set(PYPROJECT["project"]["urls"])
