"""`tuile serve`: unmodified applications, both interfaces, what it prints, and how it stops."""

from __future__ import annotations

import http.client
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.doors.serving import BIN, serve
from tests.fresh import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("granian")

APP = """
import os, sys, time
import flask
from flask import Flask, request

app = Flask(__name__)

@app.get("/")
def index():
    return f"{type(flask).__name__} {os.getpid()}"

@app.get("/slow")
def slow():
    time.sleep(1.5)
    return "done"

@app.get("/where")
def where():
    return f"{request.scheme} {request.remote_addr} {'asgi.scope' in request.environ}"

@app.get("/task")
def task():
    app.add_background_task(write_later, request.args["path"])
    return "started"

def write_later(path):
    time.sleep(0.5)
    with open(path, "w") as file:
        file.write("written")
"""
FACTORY = """
from flask import Flask

def create_app(name="plain"):
    app = Flask(__name__)

    @app.get("/")
    def index():
        return f"made {name}"

    return app
"""
ASYNC = """
from flask import Flask, request

shop = Flask(__name__)

@shop.get("/where")
async def where():
    return f"{request.scheme} {request.remote_addr} {'asgi.scope' in request.environ}"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "good.py").write_text(APP)
    (tmp_path / "made.py").write_text(FACTORY)
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text(ASYNC)
    return tmp_path


def command(*words: str) -> list[str]:
    return ["tuile", "serve", *words, "--port", "{port}"]


def started(site: Path, *words: str) -> object:
    return serve(command(*words), site / "log.txt", site)


def log_of(site: Path) -> str:
    return (site / "log.txt").read_text()


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        (["good.py"], "/where", "http 127.0.0.1 False"),
        (["good.py", "--interface", "asgi"], "/where", "http 127.0.0.1 True"),
        (["good.py", "--host", "localhost"], "/where", "http 127.0.0.1 False"),
        (["good:app", "--interface", "wsgi"], "/where", "http 127.0.0.1 False"),
        (["package:shop"], "/where", "http 127.0.0.1 True"),
        (["package", "--interface", "wsgi"], "/where", "http 127.0.0.1 False"),
        (["made.py"], "/", "made plain"),
        (["made:create_app('own')"], "/", "made own"),
    ],
    ids=str,
)
def test_an_application_is_served(site: Path, words: list[str], path: str, text: str) -> None:
    with serve(command(*words), site / "log.txt", site) as server:
        assert server.ask(path).text == text


def test_import_flask_means_tuile_in_the_workers(site: Path) -> None:
    with serve(command("good.py", "--workers", "2"), site / "log.txt", site) as server:
        assert server.ask("/").text.startswith("FlaskModule ")


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_requests_and_background_tasks_end_when_it_stops(site: Path, interface: str) -> None:
    with serve(command("good.py", "--interface", interface), site / "log.txt", site) as server:
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(server.ask, "/slow")
            server.ask(f"/task?path={site / 'task.txt'}")
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            assert slow.result().text == "done"
        assert server.process.wait(100) == 0
    assert (site / "task.txt").read_text() == "written"
    with pytest.raises(OSError, match="refused"):
        server.ask("/")


def test_a_worker_that_dies_is_started_again(site: Path) -> None:
    with serve(command("good.py", "--workers", "1"), site / "log.txt", site) as server:
        first = int(server.ask("/").text.split()[1])
        os.kill(first, signal.SIGKILL)
        second = first
        give_up = time.monotonic() + 30
        while second == first and time.monotonic() < give_up:
            try:
                second = int(server.ask("/").text.split()[1])
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
        assert second != first
        assert server.process.poll() is None


def test_requests_are_logged_where_that_is_wanted(site: Path) -> None:
    with serve(command("good.py", "--access-log"), site / "log.txt", site) as server:
        server.ask("/where?x=1")
    assert re.search(r'127\.0\.0\.1 - "GET /where', log_of(site))
    with serve(command("good.py"), site / "log.txt", site) as server:
        server.ask("/where")
    assert "GET /where" not in log_of(site)


def test_wsgi_does_not_tell_of_websockets(site: Path) -> None:
    with serve(command("good.py", "--interface", "wsgi"), site / "log.txt", site) as server:
        server.ask("/where")
    assert "ebsocket" not in log_of(site)


FORWARDED = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "http 127.0.0.1"),
        (["--trusted-proxies", "127.0.0.1"], "https 192.0.2.7"),
        (["--trusted-proxies", "10.0.0.0/8,127.0.0.0/8"], "https 192.0.2.7"),
        (["--trusted-proxies", "10.0.0.1"], "http 127.0.0.1"),
    ],
    ids=str,
)
def test_proxies_are_believed_when_they_are_named(site: Path, interface: str, words: list[str], text: str) -> None:
    with serve(command("good.py", "--interface", interface, *words), site / "log.txt", site) as server:
        assert server.ask("/where", headers=FORWARDED).text.startswith(f"{text} ")


def test_https_is_served_with_a_certificate(site: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"),
            *("-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=site,
        check=True,
        capture_output=True,
    )
    words = command("good.py", "--cert", "cert.pem", "--key", "key.pem")
    with serve(words, site / "log.txt", site) as server:
        context = ssl.create_default_context(cafile=str(site / "cert.pem"))
        context.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=120, context=context)
        connection.request("GET", "/where")
        assert connection.getresponse().read().decode().startswith("https 127.0.0.1")
        connection.close()


def told(site: Path, *words: str, **environment: str) -> tuple[int, str]:
    """Return the exit code and the output of a command that does not serve."""
    done = subprocess.run(
        [BIN / "tuile", *words],
        cwd=site,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["serve"], {}, "Which application? Write 'tuile serve FILE'"),
        (["serve", "god.py"], {}, "there is no file 'god.py' here"),
        (["run", "god.py"], {}, "there is no file 'god.py' here"),
        (["serve", "nothing"], {}, "Could not import 'nothing'"),
        (["serve", "good:nothing"], {}, "Failed to find attribute 'nothing' in 'good'"),
        (["serve", "broken.py"], {}, "ZeroDivisionError"),
        (["serve", "weak.py"], {}, "Error: CSRF must be 'fetch'"),
        (["--debug", "serve", "good.py"], {}, "Use 'tuile run --debug'"),
        (["serve", "good.py"], {"FLASK_DEBUG": "1"}, "Use 'tuile run --debug'"),
        (["serve", "good.py", "--cert", "good.py"], {}, "--cert cert.pem --key key.pem"),
        (["serve", "good.py", "--cert", "good.py", "--key", "good.py"], {}, "are no certificate and its key"),
        (["serve", "good.py", "--host", "300.1.1.1"], {}, "a name of this machine, not '300.1.1.1'"),
        (["serve", "good.py", "--host", "nowhere.invalid"], {}, "a name of this machine, not 'nowhere.invalid'"),
        (["serve", "good.py", "--trusted-proxies", "*"], {}, "such as 127.0.0.1,10.0.0.0/8; not '*'"),
        (["serve", "good.py", "--trusted-proxies", "proxy.example"], {}, "not 'proxy.example'"),
        (["serve", "good.py", "--workers", "0"], {}, "0 is not in the range"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_before_anything_is_served(
    site: Path, words: list[str], environment: dict[str, str], said: str
) -> None:
    (site / "broken.py").write_text("1 / 0")
    (site / "weak.py").write_text("from flask import Flask\napp = Flask(__name__)\napp.config['CSRF'] = 'yes'\n")
    code, output = told(site, *words, **environment)
    assert code != 0
    assert said in " ".join(output.split())
    assert "Spawning worker" not in output


def test_a_missing_granian_is_told_with_what_to_install(site: Path) -> None:
    (site / "without.py").write_text(
        "import sys, importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'granian' else find(name, *rest)\n"
        "from tuile.cli import main\nsys.argv = ['tuile', 'serve', 'good.py']\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "without.py"], cwd=site, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "Error: 'tuile serve' needs granian. Install it: pip install \"tuile[serve]\"\n"


def test_run_takes_a_file_too(site: Path) -> None:
    with serve(["tuile", "run", "good.py", "--port", "{port}"], site / "log.txt", site) as server:
        assert server.ask("/").text.startswith("FlaskModule ")
