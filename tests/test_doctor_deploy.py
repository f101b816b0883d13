"""`tuile doctor --deploy`, and what the doctor says about the first login."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix

import tuile
from tests.fresh import run
from tests.test_advisories import REQUIRED
from tuile.cli.doctor import advisories, stores
from tuile.cli.doctor.application import examine_application
from tuile.cli.doctor.deployment import examine_deployment
from tuile.csrf import csrf_exempt
from tuile.sessions import SecureCookieSessionInterface, SessionInterface
from tuile.sessions.stores import Store, StoreUnavailable
from tuile.sessions.stores.redis import RedisStore
from tuile.testing import Browser

if TYPE_CHECKING:
    from collections.abc import Callable

TUILE = Path(sys.executable).with_name("tuile")
KEY = "5e83a7d1f6094bc2c1f0b6e2d94a7385"
#: An application with nothing to mend and nothing to advise.
GOOD: dict[str, Any] = {
    "SECRET_KEY": KEY,
    "COOKIE_DEFAULTS": "secure",
    "CSRF": "fetch",
    "TRUSTED_HOSTS": ["shop.example"],
    "MAX_CONTENT_LENGTH": 16_000_000,
    "PREFERRED_URL_SCHEME": "https",
}
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def make_app(headers: dict[str, str] = HEADERS, **config: Any) -> tuile.Flask:
    app = tuile.Flask(__name__, static_folder=None)
    app.config.update({**GOOD, **config})
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign] # as the documentation says

    @app.after_request
    def add(response: tuile.Response) -> tuile.Response:
        response.headers.update(headers)
        return response

    return app


def deployment(app: tuile.Flask) -> dict[str, str]:
    """{id: kind} of what is found before a deployment."""
    return {finding.with_id().id: finding.kind for finding in examine_deployment(app)}


def login(app: tuile.Flask) -> dict[str, str]:
    """{id: reason} of what fails."""
    return {found.with_id().id: found.reason for found in examine_application(app) if found.kind == "fails"}


def test_a_good_application_has_nothing_to_mend() -> None:
    assert deployment(make_app()) == {}
    assert login(make_app()) == {}


# --- the first login --------------------------------------------------------------------------------------------------

LOGINS: list[tuple[dict[str, Any], str, str]] = [
    ({"SESSION_COOKIE_SAMESITE": "lazy"}, "session-save", "SameSite must be"),
    ({"SESSION_COOKIE_SAMESITE": True}, "session-save", "must be a str"),
    ({"SESSION_COOKIE_SAMESITE": "None"}, "session-cookie", "Write: SESSION_COOKIE_SECURE = True"),
    ({"SESSION_COOKIE_PARTITIONED": "yes", "SESSION_COOKIE_SAMESITE": "lazy"}, "session-save", "SameSite must be"),
    ({"SESSION_COOKIE_NAME": "__Host-id"}, "session-cookie", "SESSION_COOKIE_SECURE = True"),
    ({"SESSION_COOKIE_NAME": "a;b"}, "session-save", "name"),
    ({"SESSION_COOKIE_NAME": ""}, "session-save", "needs a name"),
    ({"SESSION_COOKIE_DOMAIN": "other.example"}, "session-cookie", "SESSION_COOKIE_DOMAIN = None"),
    ({"SESSION_COOKIE_DOMAIN": "a;b"}, "session-save", "domain"),
    ({"SESSION_COOKIE_PATH": "/a;b"}, "session-save", "path"),
    ({"SESSION_DIGEST": "md5"}, "session-settings", "SESSION_DIGEST must be"),
    ({"SESSION_READS": ["encrypted"]}, "session-settings", "so no user could log in"),
    ({"SESSION_ABSOLUTE": "soon"}, "session-settings", "SESSION_ABSOLUTE"),
    ({"SESSION_STORE": "sqlite:relative"}, "session-settings", "SESSION_STORE must be"),
    ({"SESSION_STORE": "redis://x", "SESSION_POOL": 0}, "session-settings", "SESSION_POOL"),
    ({"SESSION_STORE": "memory", "SESSION_COOKIE_SAMESITE": "lazy"}, "session-save", "SameSite must be"),
    ({"SESSION_STORE": "memory", "SESSION_COOKIE_SAMESITE": "None"}, "session-cookie", "SESSION_COOKIE_SECURE"),
    ({"CSRF": "on"}, "settings", "CSRF must be"),
    ({"CSRF_TRUSTED_ORIGINS": ["example.com"]}, "settings", "CSRF_TRUSTED_ORIGINS"),
    ({"COOKIE_DEFAULTS": "safe"}, "settings", "COOKIE_DEFAULTS must be"),
]


@pytest.mark.parametrize(("config", "found", "said"), LOGINS, ids=lambda one: str(one)[:50])
def test_what_would_be_an_error_at_the_first_login_is_told(config: dict[str, Any], found: str, said: str) -> None:
    app = make_app(**{"COOKIE_DEFAULTS": None, **config})
    told = login(app)
    assert said in told[found]
    # What it says is so: with these settings a login is an error, or browsers drop its cookie.
    app.add_url_rule("/login", "login", log_in)
    browser = Browser(app)
    try:
        answer = browser.visit("https://shop.example/login")
    except (RuntimeError, TypeError, ValueError):
        return
    assert answer.status_code == 500 or browser.verdicts.problems


def log_in() -> str:
    tuile.session["user"] = "ada"
    return "welcome"


@pytest.mark.parametrize(
    "config",
    [
        {"TRUSTED_HOSTS": ["admin.example", ".shop.example"], "SESSION_COOKIE_DOMAIN": "shop.example"},
        {"TRUSTED_HOSTS": None, "SESSION_COOKIE_DOMAIN": ".shop.example"},
        {"SERVER_NAME": "www.shop.example:8443", "TRUSTED_HOSTS": None, "SESSION_COOKIE_DOMAIN": "Shop.example"},
        {"SESSION_COOKIE_DOMAIN": False},
        {"SESSION_COOKIE_DOMAIN": ""},
    ],
    ids=str,
)
def test_a_domain_of_one_of_the_hosts_is_no_mistake(config: dict[str, Any]) -> None:
    assert login(make_app(**config)) == {}


def test_encryption_without_its_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app(SESSION_ENCRYPT=True)
    assert login(app) == {}
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    from tuile.keys import xaes  # noqa: PLC0415 - for this test

    for value in vars(xaes).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()
    assert "tuile[crypto]" in login(app)["session-save"]


def test_a_store_whose_package_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    app = make_app(SESSION_STORE="redis://localhost")
    assert "tuile[redis]" in login(app)["session-settings"]
    with pytest.raises(RuntimeError, match=r"tuile\[redis\]"):
        app.test_client().get("/", base_url="https://shop.example")


def test_interfaces_of_others_are_not_tried() -> None:
    class Own(SessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            raise AssertionError

    class Derived(SecureCookieSessionInterface):
        def open_session(self, app: Any, request: Any) -> Any:
            raise AssertionError

    for interface in (Own(), Derived()):
        app = make_app()
        app.session_interface = interface
        assert login(app) == {}
        assert deployment(app).keys() <= {"session-cookie-name"}


def test_trying_a_login_stores_nothing_and_calls_no_hook() -> None:
    app = make_app(SESSION_STORE="memory")

    @app.before_request
    def fail() -> None:
        raise AssertionError

    app.session_refused = fail  # type: ignore[method-assign, assignment] # not to be asked
    assert login(app) == {}


STORES: list[dict[str, Any]] = [
    {"SESSION_STORE": "mysql://x"},
    {"SESSION_STORE": 3},
    {"SESSION_STORE": "memory", "SESSION_DURABLE": "disk"},
    {"SESSION_STORE": "memory", "SESSION_IDLE": "soon"},
    {"SESSION_STORE": "memory", "SESSION_RENEW": -1},
    {"SESSION_STORE": "memory", "SESSION_GRACE": -1},
    {"SESSION_STORE": "memory", "SESSION_REPLAY": "shout"},
    {"SESSION_STORE": "memory", "SESSION_SEEN_EVERY": "often"},
    {"SESSION_STORE": "memory", "SESSION_MAX_PER_USER": 0},
    {"SESSION_STORE": "memory", "SESSION_CONFLICT": "first"},
    {"SESSION_STORE": "memory", "SESSION_FAILURE": "panic"},
    {"SESSION_STORE": "memory", "SESSION_DEVICE": "all"},
    {"SESSION_STORE": "memory", "SESSION_USER_KEY": 3},
    {"SESSION_STORE": "redis://localhost", "SESSION_TIMEOUT": 0},
    {"SESSION_STORE": "redis://localhost", "SESSION_POOL": True},
]


@pytest.mark.parametrize("config", STORES, ids=lambda config: "-".join(map(str, list(config.values()))))
def test_settings_of_stores_are_checked_before_the_first_answer(config: dict[str, Any]) -> None:
    app = make_app(**config)
    with pytest.raises((TypeError, ValueError), match=list(config)[-1]):
        app.test_client().get("/", base_url="https://shop.example")
    assert list(config)[-1] in login(app)["session-settings"]


# --- before a deployment ----------------------------------------------------------------------------------------------

BARE: dict[str, Any] = {"COOKIE_DEFAULTS": None}
FOUND: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"DEBUG": True}, {"debug": "unsafe"}),
    ({"TESTING": True}, {"testing": "unsafe"}),
    ({"PROPAGATE_EXCEPTIONS": True}, {"propagate-exceptions": "advice"}),
    ({"EXPLAIN_TEMPLATE_LOADING": True}, {"explain-template-loading": "advice"}),
    (BARE, {"session-cookie-secure": "unsafe", "session-cookie-samesite": "advice", "session-cookie-name": "advice"}),
    (
        {**BARE, "CSRF": None},
        {
            "session-cookie-secure": "unsafe",
            "session-cookie-samesite": "unsafe",
            "session-cookie-name": "advice",
            "csrf": "advice",
        },
    ),
    (
        {**BARE, "SESSION_COOKIE_SECURE": True, "SESSION_COOKIE_SAMESITE": "Lax", "SESSION_COOKIE_NAME": "__Host-s"},
        {},
    ),
    ({"SESSION_COOKIE_SAMESITE": "None", "CSRF": None}, {"session-cookie-samesite": "unsafe", "csrf": "advice"}),
    ({"SESSION_COOKIE_HTTPONLY": False}, {"session-cookie-httponly": "unsafe"}),
    ({"SESSION_COOKIE_DOMAIN": "shop.example"}, {"session-cookie-domain": "advice"}),
    ({"CSRF": "off"}, {"csrf": "advice"}),
    ({"TRUSTED_HOSTS": None}, {"trusted-hosts": "advice"}),
    ({"MAX_CONTENT_LENGTH": None}, {"max-content-length": "advice"}),
    ({"PREFERRED_URL_SCHEME": "http"}, {"preferred-url-scheme": "advice"}),
    ({"SESSION_STORE": "memory"}, {"store-memory": "unsafe"}),
]


@pytest.mark.parametrize(("config", "found"), FOUND, ids=lambda one: str(one)[:60])
def test_settings_that_are_not_safe_to_deploy_are_told(config: dict[str, Any], found: dict[str, str]) -> None:
    assert deployment(make_app(**config)) == found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("Strict-Transport-Security", None, "hsts"),
        ("Strict-Transport-Security", "max-age=3600", "hsts-short"),
        ("Strict-Transport-Security", 'includeSubDomains; max-age="0"', "hsts-short"),
        ("X-Content-Type-Options", None, "nosniff"),
        ("Referrer-Policy", None, "referrer-policy"),
        ("Cross-Origin-Opener-Policy", None, "coop"),
    ],
)
def test_headers_that_are_missing_are_told(name: str, value: str | None, found: str) -> None:
    headers = {key: text for key, text in HEADERS.items() if key != name}
    if value is not None:
        headers[name] = value
    assert deployment(make_app(headers)) == {found: "advice"}


def test_headers_that_cannot_be_examined_are_told() -> None:
    app = make_app()

    @app.before_request
    def fail() -> None:
        raise ZeroDivisionError

    app.config["PROPAGATE_EXCEPTIONS"] = True
    assert deployment(app) == {"propagate-exceptions": "advice", "headers": "note"}


PROXIES: list[tuple[Callable[[Any], Any], set[str]]] = [
    (lambda inner: inner, {"proxy-fix"}),
    (ProxyFix, set()),
    (lambda inner: ProxyFix(inner, x_proto=0), {"proxy-fix"}),
    (lambda inner: ProxyFix(inner, x_for=2, x_proto=1), {"proxy-fix-numbers"}),
    (lambda inner: Middleware(ProxyFix(inner)), set()),
    (lambda inner: Middleware(Middleware(inner)), {"proxy-fix"}),
    (functools.partial, {"proxy-fix"}),
]


class Middleware:
    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


@pytest.mark.parametrize(("wrap", "found"), PROXIES)
def test_proxies_are_looked_for_in_the_middleware(wrap: Any, found: set[str]) -> None:
    app = make_app()
    app.wsgi_app = wrap(type(app).wsgi_app.__get__(app))  # type: ignore[method-assign] # as the documentation says
    assert set(deployment(app)) == found


def test_middleware_that_leads_back_to_itself_is_no_endless_loop() -> None:
    app = make_app()
    layer = Middleware(app.wsgi_app)
    layer.__dict__["_app"] = layer.app = Middleware(layer)
    app.wsgi_app = layer  # type: ignore[method-assign] # as the documentation says
    from tuile.cli.doctor.deployment import _examine_proxies  # noqa: PLC0415 - a request would not end

    assert [found.id for found in _examine_proxies(app)] == ["proxy-fix"]


def test_declared_cookies_without_secure_are_told() -> None:
    app = make_app(**BARE)
    app.cookie("plain", secure=False)
    app.cookie("safe", secure=True)
    (found,) = (one for one in examine_deployment(app) if one.id == "cookie-secure")
    assert found.subject == "the cookies plain"
    assert "cookie-secure" not in deployment(make_app())


def test_what_cookie_defaults_change_is_told() -> None:
    app = make_app()
    app.cookie("theme")
    app.cookie("wide", path="/account")
    (note,) = (one for one in examine_application(app) if one.id == "cookie-defaults")
    assert note.kind == "note"
    assert "the session is in __Host-session over HTTPS, and one in session is moved to it" in note.reason
    (strict,) = (one for one in examine_application(make_app(COOKIE_DEFAULTS="strict")) if one.id == "cookie-defaults")
    assert "is 'strict'" in strict.reason
    assert "one in session is not read" in strict.reason
    assert "theme: read and set with __Host-" in note.reason
    assert "wide" not in note.reason
    app = make_app(SESSION_COOKIE_DOMAIN="shop.example")
    (note,) = (one for one in examine_application(app) if one.id == "cookie-defaults")
    assert "the session keeps the name session" in note.reason


# --- stores -----------------------------------------------------------------------------------------------------------


class Away(Store):
    def ask(self, operation: Any) -> Any:
        raise StoreUnavailable("nobody is there")


def test_a_store_that_does_not_answer_is_told() -> None:
    assert deployment(make_app(SESSION_STORE=Away())) == {"store-unavailable": "fails"}


@pytest.mark.parametrize(
    ("policy", "limit", "found"),
    [
        ("noeviction", "100", {}),
        ("allkeys-lru", "0", {}),
        ("allkeys-lru", "100", {"store-eviction": "unsafe"}),
        ("allkeys-random", "100", {"store-eviction": "unsafe"}),
        ("volatile-lru", "100", {"store-eviction": "advice"}),
        (None, "100", {}),
    ],
)
def test_redis_that_removes_sessions_is_told(policy: str | None, limit: str, found: dict[str, str]) -> None:
    class Answering(RedisStore):
        def ask(self, operation: Any) -> Any:
            return None

        def _command(self, *arguments: object) -> Any:
            assert arguments == ("INFO", "memory")
            if policy is None:
                raise PermissionError
            return f"# Memory\r\nmaxmemory:{limit}\r\nmaxmemory_policy:{policy}\r\n".encode()

    pytest.importorskip("redis")
    assert deployment(make_app(SESSION_STORE=Answering("redis://localhost"))) == found


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("redis://localhost", False),
        ("redis://127.0.0.1:1", False),
        ("redis://[::1]:1", False),
        ("rediss://cache.example", False),
        ("redis://cache.example", True),
        ("valkey://cache.example", True),
        ("postgresql://db.example/x", True),
        ("postgresql://db.example/x?sslmode=verify-full", False),
        ("postgresql:///x", False),
    ],
)
def test_a_connection_in_plain_text_to_another_machine_is_told(url: str, is_told: bool) -> None:
    found = {one.id for one in stores._examine_connection(make_app(SESSION_STORE=url))}
    assert found == ({"store-plain-text"} if is_told else set())


MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
23 22 0:21 / /mnt rw shared:2 - nfs4 server:/export rw
24 22 0:22 / /mnt/with\\040blank rw - ext4 /dev/sdb1 rw
25 22 0:23 / /over rw - ext4 /dev/sdc1 rw
26 22 0:24 / /over rw - cifs //server/share rw
27 22 0:25 / /run rw - tmpfs tmpfs rw
a line that is none
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/sessions.db", "ext4"),
        ("/mnt/sessions.db", "nfs4"),
        ("/mnt", "nfs4"),
        ("/mntx/sessions.db", "ext4"),
        ("/mnt/with blank/sessions.db", "ext4"),
        ("/over/sessions.db", "cifs"),
        ("/run/sessions.db", "tmpfs"),
    ],
)
def test_the_kind_of_disk_is_that_of_the_innermost_mount(path: str, kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert stores.file_system_of(path, str(mounts)) == kind
    assert stores.file_system_of(path, str(tmp_path / "missing")) is None


LINES = st.lists(st.sampled_from([" ", " - ", "/", "/mnt", "\\040", "\n", "nfs", "1"])).map("".join)


@given(st.text(st.characters(exclude_categories=["Cs"])) | LINES)
def test_any_list_of_mounts_is_read_quietly(text: str) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        kind = stores.file_system_of("/mnt/sessions.db", file.name)
    assert kind is None or kind in text


@pytest.mark.parametrize(
    ("kind", "found"),
    [("nfs", {"store-network-disk": "unsafe"}), ("tmpfs", {"store-temporary": "advice"}), ("xfs", {})],
)
def test_a_file_on_a_disk_that_does_not_do_is_told(
    kind: str, found: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "file_system_of", lambda path: kind)
    assert deployment(make_app(SESSION_STORE=f"sqlite:///{tmp_path / 'sessions.db'}")) == found


def test_a_file_that_is_not_there_yet_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "file_system_of", lambda path: "ext4")
    app = make_app(SESSION_STORE=f"sqlite:///{tmp_path / 'new' / 'sessions.db'}")
    assert deployment(app) == {}
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    app = make_app(SESSION_STORE=f"sqlite:///{tmp_path / 'file' / 'sessions.db'}")
    assert deployment(app) == {"store-unavailable": "fails"}


@pytest.mark.skipif(os.name != "posix", reason="permissions as on POSIX")
def test_a_file_that_others_can_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "file_system_of", lambda path: "ext4")
    app = make_app(SESSION_STORE=f"sqlite:///{tmp_path / 'sessions.db'}")
    app.add_url_rule("/login", "login", csrf_exempt(log_in))
    app.test_client().get("/login", base_url="https://shop.example")
    (tmp_path / "sessions.db").chmod(0o644)
    assert deployment(app) == {"store-permissions": "advice"}
    (tmp_path / "sessions.db").chmod(0o600)
    assert deployment(app) == {}


# --- versions ---------------------------------------------------------------------------------------------------------


def test_the_advisories_are_those_of_the_page() -> None:
    assert list(advisories.OF_DEPENDENCIES) == REQUIRED


@pytest.mark.parametrize(
    ("package", "installed", "found"),
    [
        ("werkzeug", "3.1.5", {"cve-2026-27199"}),
        ("werkzeug", "3.1.6", set()),
        ("werkzeug", "3.1.10", set()),
        ("werkzeug", "3.0.0", {"cve-2023-46136", "cve-2024-34069", "cve-2024-49766", "cve-2024-49767"}),
        ("gunicorn", "21.2.0", {"cve-2024-1135", "cve-2024-6827"}),
        ("gunicorn", "23.0.0.dev1", set()),
        ("redis", None, set()),
        ("jinja2", "unknown", set()),
    ],
)
def test_versions_with_advisories_are_told(
    package: str, installed: str | None, found: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advisories, "installed_version", lambda name: installed if name == package else None)
    told = {one.id: one.kind for one in advisories.examine_versions()}
    assert found <= set(told)
    assert set(told.values()) <= {"unsafe"}
    if not found and installed != "unknown":
        assert told == {}


# --- the command ------------------------------------------------------------------------------------------------------


def write_app(folder: Path, **config: Any) -> None:
    folder.joinpath("app.py").write_text(
        f"from tuile import Flask\napp = Flask(__name__)\napp.config.update({ {**GOOD, **config}!r})\n"
    )


def doctor(folder: Path, *arguments: str) -> tuple[int, Any]:
    done = run([TUILE, "doctor", "--json", *arguments], cwd=folder, check=False)
    return done.returncode, json.loads(done.stdout)


def test_the_exit_code_tells_whether_something_must_be_mended(tmp_path: Path) -> None:
    write_app(tmp_path)
    code, report = doctor(tmp_path, "--deploy")
    assert code == 0
    assert {one["kind"] for one in report["findings"]} <= {"note", "advice"}
    assert all(re.fullmatch(r"[a-z0-9.-]+", one["id"]) for one in report["findings"])
    write_app(tmp_path, COOKIE_DEFAULTS=None)
    assert doctor(tmp_path, "--deploy")[0] == 1
    assert doctor(tmp_path)[0] == 0


def test_findings_are_silenced_by_their_ids(tmp_path: Path) -> None:
    write_app(tmp_path, COOKIE_DEFAULTS=None, DOCTOR_SILENCED=["session-cookie-secure", "hsts"])
    code, report = doctor(tmp_path, "--deploy", "--silence", "session-cookie-name", "--silence", "nothing")
    assert code == 0
    assert report["silenced"] == ["hsts", "session-cookie-name", "session-cookie-secure"]
    assert not {"hsts", "session-cookie-name", "session-cookie-secure"} & {one["id"] for one in report["findings"]}
    text = run([TUILE, "doctor", "--deploy"], cwd=tmp_path, check=False).stdout
    assert "[session-cookie-name]" in text
    assert "Better before it is deployed" in text
    write_app(tmp_path, DOCTOR_SILENCED="hsts")
    done = run([TUILE, "doctor"], cwd=tmp_path, check=False)
    assert "DOCTOR_SILENCED must be a list of ids" in done.stderr


def test_a_key_that_can_be_guessed_must_be_changed_before_a_deployment(tmp_path: Path) -> None:
    write_app(tmp_path, SECRET_KEY="dev")
    code, report = doctor(tmp_path)
    assert code == 0
    assert ("doubtful", "secret-key-weak") in {(one["kind"], one["id"]) for one in report["findings"]}
    code, report = doctor(tmp_path, "--deploy")
    assert code == 1
    assert [one["kind"] for one in report["findings"] if one["id"] == "secret-key-weak"] == ["unsafe"]


def test_every_id_is_on_the_page() -> None:
    root = Path(__file__).resolve().parent.parent
    page = root.joinpath("docs", "deploying.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`([a-z][a-z-]+)`", page))
    sources = root.joinpath("src", "tuile", "cli", "doctor").glob("*.py")
    ids = {found for path in sources for found in re.findall(r'id="([a-z-]+)"', path.read_text(encoding="utf-8"))}
    assert len(ids) > 20
    assert ids <= listed
