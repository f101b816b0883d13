"""The application of `examples/notes`, with the extensions that many applications have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuile.proving.har import read_har

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "notes"

for _name in ("flask_login", "flask_sqlalchemy", "flask_wtf"):
    pytest.importorskip(_name)


def prove(tmp_path: Path, *arguments: str) -> dict[str, object]:
    report = tmp_path / "report.json"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    result = subprocess.run(
        [sys.executable, "-m", "tuile", "prove", "--repeats", "1", "--json", str(report), *arguments],
        cwd=FOLDER,
        env={**environ, "NOTES_DATABASE": f"sqlite:///{tmp_path / 'notes.sqlite'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    found: dict[str, object] = json.loads(report.read_text())
    return found


def test_its_own_tests_end_the_same_on_flask_and_on_tuile(tmp_path: Path) -> None:
    report = prove(tmp_path, "--", "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert report["summary"] == "11 tests: 11 end the same on both, 0 do not."


def test_a_recorded_visit_is_answered_the_same_by_both(tmp_path: Path) -> None:
    count = len(read_har(str(FOLDER / "requests.har")).requests)
    setup = "flask --app app:create_app reset"
    options = ("--requests", "requests.har", "--app", "app:create_app", "--setup", setup, "--times", "1")
    report = prove(tmp_path, *options)
    # With the recorded statuses: the logins and the tokens of the forms work, so it is what was recorded.
    assert (report["requests"], report["as_recorded"]) == (count, count)
    assert report["summary"] == f"{count} requests: {count} are answered the same on both, 0 are not."
