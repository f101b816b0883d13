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
CLASSIFIERS: list[str] = PYPROJECT["project"]["classifiers"]
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


def pythons_of_classifiers() -> list[str]:
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in CLASSIFIERS)
    return [match[1] for match in found if match]


def test_the_workflow_tests_the_pythons_of_the_classifiers() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^ +python: \[(.*)\]$", workflow, re.MULTILINE)
    assert re.findall(r'"(3\.\d+)"', listed) == pythons_of_classifiers()


def test_the_oldest_python_is_the_one_that_is_required() -> None:
    assert PYPROJECT["project"]["requires-python"] == f">={pythons_of_classifiers()[0]}"


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_a_workflow_runs_only_commands_that_exist(workflow: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"run: (.*)", workflow.read_text(encoding="utf-8")):
        words = command.split()
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), command
        elif "/" in words[0] and not words[0].startswith(".venv/"):
            assert (ROOT / words[0]).exists(), command


def test_the_workflow_does_what_ci_does() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert "- run: bash .ci/run\n" in workflow
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert {"check", "upstream", "lower-bounds", "dist", "docs-site", "test"} <= set(
        re.findall(r"^ *make (\S+)", ci, re.MULTILINE)
    )


def test_an_environment_before_commits_is_the_one_of_make() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"entry: (\S+)", config)) == {".venv/bin/ruff", ".venv/bin/lint-imports", ".venv/bin/python"}
