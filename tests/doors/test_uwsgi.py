"""uWSGI empties the environ of a request after its answer, and fills the same dictionary for the next one."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.doors.serving import serve

if TYPE_CHECKING:
    from tests.doors.serving import Server

UWSGI = Path(sys.executable).with_name("uwsgi")

pytestmark = pytest.mark.skipif(
    not UWSGI.exists(), reason="uWSGI is not installed: it has no wheels, and needs a C compiler to be built"
)


def read_late(server: Server) -> dict[str, Any]:
    """Have two requests held, and read in a third."""
    server.ask("/begin/one?a=1", headers={"Host": "one.example"})
    server.ask("/begin/two?b=2", "POST", body=b"x", headers={"Host": "two.example"})
    seen: dict[str, Any] = json.loads(server.ask("/end?c=3", headers={"Host": "three.example"}).text)
    return seen


@pytest.mark.parametrize("threads", [1, 2])
def test_who_holds_a_request_reads_that_request(threads: int, tmp_path: Path) -> None:
    answers = {}
    for framework in ("flask", "tuile"):
        command = [
            *(str(UWSGI), "--http-socket", "127.0.0.1:{port}", "--module", "held:app", "--need-app", "--master"),
            *("--die-on-term", "--enable-threads", "--threads", str(threads), "--pyargv", framework),
            *("--home", sys.prefix, "--pythonpath", sysconfig.get_path("purelib")),
        ]
        with serve(command, tmp_path / f"{framework}.log") as server:
            answers[framework] = read_late(server)
    assert answers["tuile"]["framework"] == "tuile"
    assert answers["tuile"]["seen"] == answers["flask"]["seen"]
    for who in ("object one", "thread one"):
        read = answers["tuile"]["seen"][who]
        assert (read["path"], read["host"], read["query_string"]) == ("/begin/one", "one.example", "b'a=1'")


def test_it_is_the_version_that_the_tests_are_pinned_to() -> None:
    assert importlib.metadata.version("uwsgi") == "2.0.31"
