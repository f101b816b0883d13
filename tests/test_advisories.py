"""docs/advisories.md: what is required is mended, and what is answered by code of our own has a test."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug import security

import tuile
from tools.lower_bounds import lower_bounds

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "advisories.md").read_text(encoding="utf-8")
REQUIRED = re.findall(r"^\| (\S+) \| (\S+) \| .* \| ([0-9.]+) \|$", PAGE, re.MULTILINE)
OURS = re.findall(r"`(tests/[\w/.]+)::(\w+)`", PAGE)
BOUNDS = lower_bounds(ROOT / "pyproject.toml")


def release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_the_page_has_rows() -> None:
    assert len(REQUIRED) > 20
    assert len(OURS) >= 7


@pytest.mark.parametrize(("advisory", "package", "mended"), REQUIRED, ids=[row[0] for row in REQUIRED])
def test_what_is_required_is_mended(advisory: str, package: str, mended: str) -> None:
    assert advisory.startswith(("CVE-", "GHSA-"))
    assert release(BOUNDS[package]) >= release(mended)


def test_each_requirement_has_a_lower_bound_that_is_met_here() -> None:
    for package, bound in BOUNDS.items():
        try:
            installed = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        assert release(re.match(r"[0-9.]+", installed)[0].strip(".")) >= release(bound), package  # type: ignore[index]


@pytest.mark.parametrize(("file", "name"), OURS, ids=[name for _, name in OURS])
def test_each_test_that_is_named_exists(file: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


# --- what is answered here --------------------------------------------------------------------------------------------


def new_app(**config: Any) -> tuile.Flask:
    app = tuile.Flask("app", static_folder=None)
    app.config.update(config)

    @app.post("/json")
    def from_json() -> str:
        return str(tuile.request.get_json()["n"])

    @app.post("/form")
    def from_form() -> str:
        return str(len(tuile.request.form))

    @app.get("/cookies")
    def from_cookies() -> dict[str, str]:
        return dict(tuile.request.cookies)

    return app


def sessions_of(view: Any) -> tuple[Any, Any]:
    app = tuile.Flask("app", static_folder=None)
    app.config["SECRET_KEY"] = "5e83a7d1f6094bc2c1f0b6e2d94a7385"

    @app.get("/login")
    def login() -> str:
        tuile.session.permanent = True
        tuile.session["user"] = "ada"
        return "welcome"

    app.add_url_rule("/", "view", view)
    client = app.test_client()
    client.get("/login")
    return client, client.get("/")


def test_a_renewed_session_says_that_it_varies() -> None:
    _, answer = sessions_of(lambda: "the same for all")
    assert "session=" in answer.headers["Set-Cookie"]
    assert answer.headers["Vary"] == "Cookie"


@pytest.mark.parametrize(
    "ask",
    [
        lambda: "user" in tuile.session,
        lambda: len(tuile.session),
        lambda: list(tuile.session),
        lambda: tuile.session.get("user"),
        lambda: bool(tuile.session),
        lambda: tuile.session == {},
        lambda: list(tuile.session.items()),
        lambda: {**tuile.session},
    ],
)
def test_asking_for_a_key_says_that_the_answer_varies(ask: Any) -> None:
    _, answer = sessions_of(lambda: str(ask()))
    assert answer.headers["Vary"] == "Cookie"


def test_json_is_read_as_utf_8_16_or_32_alone() -> None:
    client = new_app().test_client()
    for encoding in ("utf-7", "utf-16-le", "latin-1", "cp037"):
        answer = client.post(
            "/json",
            data='{"n": "é"}'.encode(encoding),
            content_type=f"application/json; charset={encoding}",
        )
        assert answer.status_code in {200, 400}
    assert client.post("/json", data=b"+AHsAIg-n", content_type="application/json; charset=utf-7").status_code == 400


def multipart(parts: int, size: int = 1) -> dict[str, Any]:
    part = '--b\r\nContent-Disposition: form-data; name="n{}"\r\n\r\n{}\r\n'
    body = "".join(part.format(number, "v" * size) for number in range(parts)) + "--b--\r\n"
    return {"data": body.encode(), "content_type": "multipart/form-data; boundary=b"}


def test_parts_of_a_form_are_bounded() -> None:
    client = new_app().test_client()
    assert client.post("/form", **multipart(1000)).text == "1000"
    assert client.post("/form", **multipart(1001)).status_code == 413


def test_a_field_of_a_form_is_bounded() -> None:
    client = new_app().test_client()
    assert client.post("/form", **multipart(1, 400_000)).status_code == 200
    assert client.post("/form", **multipart(1, 600_000)).status_code == 413


def test_a_cookie_without_a_name_is_none() -> None:
    client = new_app().test_client(use_cookies=False)
    sent = "=__Host-session=evil; =a; a=1"
    assert client.get("/cookies", headers={"Cookie": sent}).get_json() == {"a": "1"}


@pytest.mark.parametrize("name", ["CON", "nul.txt", "aux .log", "folder/COM1", "folder/lpt9.txt", "CON.tar.gz"])
def test_names_of_devices_are_no_files(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on Windows, where these names are devices in every folder.
    monkeypatch.setattr("werkzeug.security.os.name", "nt")
    joined = security.safe_join(str(tmp_path), name)
    monkeypatch.undo()
    assert joined is None
