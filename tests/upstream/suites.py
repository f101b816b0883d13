"""What is to be run and what may differ: suites.toml and differences.toml, read and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Sdist:
    """A source distribution on PyPI, pinned by its hash; or a commit, where the repository alone has tests."""

    name: str
    version: str
    sha256: str = ""
    repository: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Suite:
    """One project's tests and how to run them; the fields are explained in suites.toml."""

    name: str
    sdist: Sdist
    tests: list[str]
    install: list[str]
    put_in: str
    passes: int
    timeout_s: int
    folder: str = "."
    environment: str = ""
    commands: list[str] = field(default_factory=list)
    quick: bool = False
    without: list[dict[str, str]] = field(default_factory=list)

    @property
    def environment_name(self) -> str:
        """Whose virtual environment it runs in."""
        return self.environment or self.name


def read_toml(name: str) -> dict[str, Any]:
    """A TOML file beside this one."""
    return tomli.loads((HERE / name).read_text(encoding="utf-8"))


def read_suites() -> tuple[list[Suite], dict[str, list[str]]]:
    """(the suites in their order, the requirements of each environment)."""
    data = read_toml("suites.toml")
    sdists = {name: Sdist(name=name, **pin) for name, pin in data["sdists"].items()}
    suites = [Suite(**{**entry, "sdist": sdists[entry["sdist"]]}) for entry in data["suites"]]
    environments: dict[str, list[str]] = {}
    for suite in suites:
        wanted = environments.setdefault(suite.environment_name, list(data["base"]))
        wanted.extend(requirement for requirement in suite.install if requirement not in wanted)
    return suites, environments


def read_differences() -> dict[str, dict[str, str]]:
    """{suite: {test: reason}}."""
    differences: dict[str, dict[str, str]] = {}
    for entry in read_toml("differences.toml").get("differences", []):
        differences.setdefault(entry["suite"], {})[entry["test"]] = entry["reason"]
    return differences
