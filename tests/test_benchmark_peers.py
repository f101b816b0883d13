"""The benchmarks measure each peer as it is released, Flask beside Tuile too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import sys
from pathlib import Path

from benchmarks.measuring import environment

environment.VENV = Path(sys.prefix)
environment.enter()

import tuile

from benchmarks.measuring.workload import PEERS
from benchmarks.workloads import WORKLOADS

made = {peer.name: peer.factory(WORKLOADS[0])() for peer in PEERS if peer.name in ("Tuile", "Flask")}
print(*(f"{name} {isinstance(app, tuile.Flask)}" for name, app in sorted(made.items())))
"""


def test_flask_is_flask_itself_in_a_process_that_has_imported_tuile() -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "TUILE_SHIM"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "Flask False Tuile True\n"
