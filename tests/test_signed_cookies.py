"""Signed and encrypted cookies: what is read was set here, under this name, and has not ended; all else is absent."""

from __future__ import annotations

import logging
import sys
import warnings
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequestKeyError

import tuile
from tuile import cookies
from tuile.ctx.cookies import PERMANENT_S, Cookies, TokenCookies
from tuile.exceptions import CookieSyntaxError
from tuile.keys.ring import KeyRing, key_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile import Flask

NOW = 1_700_000_000
KEY = "c1f0b6e2d94a7385 current 5e83a7d1f6094bc2"
FORMER = "7b29d5f0e8a1c364 former 90e4c6b7a2f1d358"

quick = settings(
    derandomize=True, deadline=None, database=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
kinds = pytest.mark.parametrize("kind", ["signed", "encrypted"])
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50)


def new_app(**config: Any) -> Flask:
    app = tuile.Flask("app", static_folder=None)
    app.config.update({"SECRET_KEY": KEY, "TESTING": True, **config})
    return app


def within(app: Flask, function: Callable[[], Any], received: str = "", now: float = NOW) -> Any:
    """What a function gives within a request that has these cookies."""
    headers = {"Cookie": received} if received else {}
    with mock.patch("time.time", return_value=now), app.test_request_context("/", headers=headers):
        return function()


def line(app: Flask, function: Callable[[], Any], now: float = NOW) -> str:
    """The one Set-Cookie line that a function writes."""

    def lines() -> list[str]:
        function()
        return cookies.lines()

    (written,) = within(app, lines, now=now)
    return str(written)


def pair(app: Flask, function: Callable[[], Any], now: float = NOW) -> str:
    """What the browser sends back for it."""
    return line(app, function, now).partition(";")[0]


def view(kind: str) -> TokenCookies:
    found = getattr(cookies, kind)
    assert isinstance(found, TokenCookies)
    return found


# --- there and back ---------------------------------------------------------------------------------------------------


@kinds
@quick
@given(texts)
@example("")
@example('"; Path=/, ä\r\n\0')
def test_what_was_set_is_read_in_the_next_request(kind: str, value: str) -> None:
    app = new_app()
    sent = pair(app, lambda: view(kind).set("theme", value))
    assert '"' not in sent
    assert within(app, lambda: (view(kind)["theme"], view(kind).get("theme")), sent) == (value, value)
    assert within(app, lambda: view(kind).reason("theme"), sent) is None
    assert within(app, lambda: cookies["theme"], sent) == sent.partition("=")[2]


@kinds
def test_it_is_read_in_the_same_request_from_every_view(kind: str) -> None:
    def view_it() -> None:
        view(kind).set("theme", "dark")
        assert view(kind)["theme"] == cookies.permanent.__getattribute__(kind)["theme"] == "dark"
        assert cookies["theme"] != "dark"
        assert dict(view(kind)) == {"theme": "dark"}
        view(kind).delete("theme")
        assert "theme" not in view(kind)
        assert "theme" not in cookies
        assert view(kind).reason("theme") == "missing"

    within(new_app(), view_it)


@kinds
def test_a_view_is_a_mapping_of_what_can_be_read(kind: str) -> None:
    app = new_app()
    good = pair(app, lambda: view(kind).set("good", "1"))

    def read() -> None:
        assert (list(view(kind)), len(view(kind)), dict(view(kind))) == (["good"], 1, {"good": "1"})
        assert ("good" in view(kind), "plain" in view(kind), view(kind).__contains__(1)) == (True, False, False)
        assert view(kind).get("plain", "default") == "default"
        with pytest.raises(BadRequestKeyError):
            view(kind)["plain"]
        assert len(cookies) == 2

    within(app, read, f"plain=1; {good}")


@kinds
def test_the_lines_attributes_are_those_of_other_cookies(kind: str) -> None:
    def write() -> None:
        view(kind).set("n", "1", path="/a", domain="example.com", secure=True, httponly=True, samesite="Lax")

    written = line(new_app(), write)
    assert written.partition(";")[2] == " Domain=example.com; Secure; HttpOnly; Path=/a; SameSite=Lax"


def test_an_encrypted_value_is_not_on_the_wire_and_a_signed_one_is() -> None:
    app = new_app()
    tokens = [pair(app, lambda: cookies.encrypted.set("n", "attack at dawn")) for _ in range(2)]
    assert tokens[0] != tokens[1]
    signed = pair(app, lambda: cookies.signed.set("n", "attack at dawn"))
    # base64 of "tack at dawn", which begins at a multiple of three octets.
    assert "dGFjayBhdCBkYXdu" in signed
    assert all("dGFjayBhdCBkYXdu" not in token for token in tokens)


# --- how long ---------------------------------------------------------------------------------------------------------

END = datetime.fromtimestamp(NOW + 60, timezone.utc)


@kinds
@pytest.mark.parametrize(
    "life",
    [
        {"max_age": 60},
        {"max_age": timedelta(seconds=60)},
        {"expires": NOW + 60},
        {"expires": END},
        {"expires": END.replace(tzinfo=None)},
        {"expires": END.strftime("%a, %d %b %Y %H:%M:%S GMT")},
        {"max_age": 60, "expires": NOW + 9999},  # max_age counts, as in a browser
    ],
    ids=str,
)
def test_the_end_of_the_cookie_is_in_the_token(kind: str, life: dict[str, Any]) -> None:
    app = new_app()
    sent = pair(app, lambda: view(kind).set("n", "1", **life))
    assert within(app, lambda: view(kind).get("n"), sent, NOW + 59) == "1"
    assert within(app, lambda: (view(kind).get("n"), view(kind).reason("n")), sent, NOW + 60) == (None, "expired")


@kinds
def test_a_token_does_not_end_before_the_browser_forgets_the_cookie(kind: str) -> None:
    app = new_app()
    sent = pair(app, lambda: view(kind).set("n", "1", max_age=60), NOW + 0.9)
    assert within(app, lambda: view(kind).get("n"), sent, NOW + 60.9) == "1"


@kinds
def test_a_cookie_of_the_browsers_session_ends_after_31_days(kind: str) -> None:
    app = new_app()
    sent = pair(app, lambda: view(kind).set("n", "1"))
    assert within(app, lambda: view(kind).get("n"), sent, NOW + 31 * 86_400 - 1) == "1"
    assert within(app, lambda: view(kind).reason("n"), sent, NOW + 31 * 86_400 + 1) == "expired"


@pytest.mark.parametrize("expires", ["soon", "no date", "", "31 Feb 2030 10:00:00", "Tomorrow", "2030-01-01"])
@pytest.mark.parametrize("kind", ["", "signed", "encrypted"])
def test_a_text_that_is_no_date_is_an_error_and_not_no_end(kind: str, expires: str) -> None:
    def program() -> None:
        (view(kind) if kind else cookies).set("n", "1", expires=expires)

    with pytest.raises(ValueError, match="is no date for browsers"):
        within(new_app(), program)


@kinds
def test_a_value_may_be_asked_for_only_while_it_is_young(kind: str) -> None:
    app = new_app()
    sent = pair(app, lambda: view(kind).permanent.set("n", "1"))

    def asked(max_age: Any, age: int) -> Any:
        return within(app, lambda: view(kind).get("n", "old", max_age=max_age), sent, NOW + age)

    assert [asked(60, age) for age in (0, 60, 61)] == ["1", "1", "old"]
    assert [asked(timedelta(minutes=1), age) for age in (60, 61)] == ["1", "old"]
    assert asked(None, 86_400) == "1"
    assert asked(60, -60) == "1"  # clocks may differ
    assert asked(60, -61) == "old"
    assert within(app, lambda: view(kind).reason("n", max_age=60), sent, NOW + 61) == "expired"
    with pytest.raises(TypeError):
        asked("60", 0)


@kinds
def test_the_first_good_one_of_four_cookies_of_a_name_is_read(kind: str) -> None:
    app = new_app()
    good = pair(app, lambda: view(kind).set("n", "1"))
    other = pair(app, lambda: view(kind).set("n", "2"))

    def read(*sent: str) -> Any:
        return within(app, lambda: view(kind).get("n"), "; ".join(sent))

    assert read("n=bad", good, other) == "1"
    assert read("n=", "n=s1.x", good[:-1], good) == "1"
    assert read("n=a", "n=b", "n=c", "n=d", good) is None
    assert within(app, lambda: view(kind).reason("n"), f"n=a; {good}") is None
    assert within(app, lambda: view(kind).reason("n"), "n=a; n=b") == "no token"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_encrypted_cookies_are_kept_from_scripts_other_sites_and_plain_http(scheme: str) -> None:
    pytest.importorskip("cryptography")
    app = new_app()

    def line(**said: Any) -> str:
        with app.test_request_context(base_url=f"{scheme}://example.com/"):
            cookies.encrypted.set("n", "1", **said)
            (written,) = cookies.lines()
        return str(written.partition("; ")[2])

    secure = "Secure; " if scheme == "https" else ""
    assert line() == f"{secure}HttpOnly; Path=/; SameSite=Lax"
    assert line(secure=False, httponly=False, samesite=None) == "Path=/"
    assert line(secure=True, samesite="Strict") == "Secure; HttpOnly; Path=/; SameSite=Strict"
    with app.test_request_context(base_url=f"{scheme}://example.com/"):
        cookies.signed.set("n", "1")
        cookies.encrypted.delete("m")
        signed, deleted = cookies.lines()
    assert signed.partition("; ")[2] == "Path=/"
    assert deleted.endswith(f"Max-Age=0; {secure}HttpOnly; Path=/; SameSite=Lax")


def test_a_permanent_cookie_lives_for_400_days() -> None:
    app = new_app()
    assert timedelta(days=400).total_seconds() == PERMANENT_S
    for written in (
        line(app, lambda: cookies.permanent.set("n", "1")),
        line(app, lambda: cookies.permanent.signed.set("n", "1")),
        line(app, lambda: cookies.signed.permanent.set("n", "1")),
        line(app, lambda: cookies.encrypted.permanent.set("n", "1")),
    ):
        assert "; Max-Age=34560000;" in written
        assert "Expires=Wed, 18 Dec 2024 22:13:20 GMT" in written
    assert "Max-Age=5;" in line(app, lambda: cookies.permanent.set("n", "1", max_age=5))
    assert "Max-Age" not in line(app, lambda: cookies.permanent.set("n", "1", expires=NOW))

    def look_and_set() -> None:
        assert isinstance(cookies.permanent, Cookies)
        cookies.set("n", "1")

    assert "Max-Age" not in line(app, look_and_set)
    sent = pair(app, lambda: cookies.permanent.signed.set("n", "1"))
    assert within(app, lambda: cookies.signed.reason("n"), sent, NOW + PERMANENT_S - 1) is None
    assert within(app, lambda: cookies.signed.reason("n"), sent, NOW + PERMANENT_S) == "expired"
    assert within(app, lambda: cookies.permanent["n"], "n=plain") == "plain"


# --- what is not read, and why ----------------------------------------------------------------------------------------


@kinds
def test_a_token_cannot_be_moved_to_another_cookie(kind: str) -> None:
    app = new_app()
    token = pair(app, lambda: view(kind).set("theme", "admin")).partition("=")[2]
    assert within(app, lambda: view(kind).reason("theme"), f"theme={token}") is None
    assert within(app, lambda: view(kind).reason("role"), f"role={token}") == "tampered"
    assert within(app, lambda: view(kind).get("role"), f"role={token}") is None


@kinds
def test_a_token_with_any_character_changed_is_absent(kind: str) -> None:
    app = new_app()
    sent = pair(app, lambda: view(kind).set("n", "a value"))

    def read_all() -> list[tuple[str | None, str | None]]:
        return [(view(kind).get(f"n{number}"), view(kind).reason(f"n{number}")) for number in range(2, len(sent))]

    changed = "; ".join(
        f"n{number}={sent[2:number]}{'A' if sent[number] != 'A' else 'B'}{sent[number + 1 :]}"
        for number in range(2, len(sent))
    )
    found = within(app, read_all, changed)
    assert all(value is None and reason not in {None, "missing"} for value, reason in found)


@pytest.mark.parametrize(
    ("received", "why"),
    [
        ("", "missing"),
        ("other=1", "missing"),
        ("n=dark", "no token"),
        ("n=", "no token"),
        ("n=eyJhIjoxfQ.aaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaa", "no token"),  # a session of Flask's
        ("n=e1.00000000.AAAA", "other kind"),
        ("n=s2.00000000.AAAA", "unknown version"),
        ("n=s1.00000000.AAAA.AAAA", "unknown key"),
        (f"n=s1.{key_id(FORMER)}.AAAA.AAAA", "retired key"),
        (f"n=s1.{key_id(KEY)}.AAAA.AAAA", "tampered"),
    ],
)
def test_what_is_absent_has_a_reason(received: str, why: str) -> None:
    app = new_app(SECRET_KEY_RETIRED=[key_id(FORMER)])
    assert within(app, lambda: (cookies.signed.get("n"), cookies.signed.reason("n")), received) == (None, why)


@kinds
@quick
@given(st.text())
def test_garbage_never_raises(kind: str, garbage: str) -> None:
    def read() -> None:
        assert view(kind).get("n") is None
        assert view(kind).reason("n") is not None

    environ = {"HTTP_COOKIE": f"n={garbage}".encode(errors="replace").decode("latin-1")}
    with new_app().test_request_context("/", environ_overrides=environ):
        read()


# --- keys -------------------------------------------------------------------------------------------------------------


@kinds
def test_a_cookie_of_a_former_key_is_read_and_written_with_the_current_one(kind: str) -> None:
    sent = pair(new_app(SECRET_KEY=FORMER), lambda: view(kind).set("n", "1"))
    assert within(new_app(), lambda: view(kind).reason("n"), sent) == "unknown key"
    rotated = new_app(SECRET_KEY_FALLBACKS=[FORMER])
    assert within(rotated, lambda: view(kind)["n"], sent) == "1"
    again = pair(rotated, lambda: view(kind).set("n", "1"))
    assert key_id(KEY) in again
    assert within(new_app(), lambda: view(kind)["n"], again) == "1"


def test_the_apps_ring_is_made_once_and_again_when_a_key_changes() -> None:
    app = new_app()
    ring = app.keyring
    assert isinstance(ring, KeyRing)
    assert app.keyring is ring
    app.config["SECRET_KEY_FALLBACKS"] = fallbacks = [FORMER]
    changed = app.keyring
    assert (changed.current_id, changed.verify_only_ids) == (key_id(KEY), (key_id(FORMER),))
    fallbacks.insert(0, "the oldest key of them all")
    assert app.keyring.verify_only_ids == (key_id(FORMER), key_id("the oldest key of them all"))
    app.secret_key = FORMER
    assert app.keyring.current_id == key_id(FORMER)
    app.config["SECRET_KEY_FALLBACKS"] = FORMER
    with pytest.raises(TypeError, match="must be a list of keys"):
        app.keyring  # noqa: B018 - reading it makes it
    app.keyring = mine = KeyRing(KEY)
    assert app.keyring is mine


def test_former_keys_that_are_empty_or_retired_are_left_out() -> None:
    app = new_app(SECRET_KEY_FALLBACKS=["", FORMER, None, "another former key"], SECRET_KEY_RETIRED=[key_id(FORMER)])
    assert app.keyring.verify_only_ids == (key_id("another former key"),)
    app.config["SECRET_KEY_RETIRED"] = [key_id(KEY)]
    with pytest.raises(RuntimeError, match=f"The SECRET_KEY is {key_id(KEY)}, which is listed in SECRET_KEY_RETIRED"):
        app.keyring  # noqa: B018 - reading it makes it


def test_retired_ids_as_one_text_are_an_error() -> None:
    app = new_app(SECRET_KEY_RETIRED=key_id(FORMER))
    for use in (lambda: app.keyring, lambda: tuile.session.get("a")):
        with pytest.raises(TypeError, match="SECRET_KEY_RETIRED must be a list of ids"):
            within(app, use)


@kinds
def test_without_a_key_reading_and_writing_say_what_to_do(kind: str) -> None:
    app = new_app(SECRET_KEY=None)
    for use in (lambda: view(kind).get("n"), lambda: view(kind).set("n", "1"), lambda: view(kind).reason("n")):
        with pytest.raises(RuntimeError, match=r"set SECRET_KEY\. `tuile secret` prints a new one"):
            within(app, use, "n=1")
    assert within(app, lambda: cookies.get("n"), "n=1") == "1"


def test_without_cryptography_encrypting_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    app = new_app()
    sent = pair(app, lambda: cookies.encrypted.set("n", "1"))
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    uses: list[Any] = [
        lambda: cookies.encrypted.get("n"),
        lambda: cookies.encrypted.set("n", "1"),
        lambda: "n" in cookies.encrypted,
        lambda: cookies.encrypted.reason("n"),
        lambda: cookies.encrypted["n"],
        app.cookie("n", encrypted=True).get,
    ]
    for use in uses:
        # Whether this visitor has such a cookie or not.
        for received in (sent, "", "n=1"):
            with pytest.raises(RuntimeError, match=r'pip install "tuile\[crypto\]"'):
                within(app, use, received)
    assert pair(app, lambda: cookies.signed.set("n", "1"))


def test_outside_a_request_it_says_so() -> None:
    app = new_app()
    kept = within(app, lambda: cookies.signed)
    with pytest.raises(RuntimeError, match="outside of request context"):
        kept.get("n")


# --- what goes wrong otherwise ----------------------------------------------------------------------------------------


@kinds
def test_a_value_or_a_name_that_cannot_be_sent_is_an_error_as_of_other_cookies(kind: str) -> None:
    wrong: list[tuple[Any, Any, type[Exception]]] = [
        ("n", "\ud800", CookieSyntaxError),
        ("n", 1, TypeError),
        ("", "1", CookieSyntaxError),
        ("a;b", "1", CookieSyntaxError),
        (1, "1", TypeError),
    ]
    for name, value, error in wrong:
        for which in ("permanent", kind):

            def write(which: str = which, name: Any = name, value: Any = value) -> None:
                getattr(cookies, which).set(name, value)

            with pytest.raises(error):
                within(new_app(), write)
    for write_late in (lambda: cookies.set("n", expires=1e30), lambda: view(kind).set("n", expires=1e30)):
        with pytest.raises(CookieSyntaxError, match="not within the years"):
            within(new_app(), write_late)


@kinds
def test_a_token_that_is_too_long_warns_at_the_line_that_sets_it(kind: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line(new_app(), lambda: view(kind).set("n", "a" * 3500))
    (warning,) = caught
    assert "The 'n' cookie is too large" in str(warning.message)
    assert warning.filename == __file__


@kinds
def test_no_value_is_in_a_repr(kind: str) -> None:
    def read() -> str:
        view(kind).set("n", "attack at dawn")
        return repr(view(kind)) + repr(view(kind).permanent) + repr(tuile.current_app.keyring)

    told = within(new_app(), read)
    assert "dawn" not in told
    assert KEY not in told


# --- a word about weak keys -------------------------------------------------------------------------------------------


def logged(app: Flask, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            within(app, lambda: cookies.signed.set("n", "1"))
            within(app, lambda: tuile.session.update(a=1))
            app.test_client().get("/")
    return [record.getMessage() for record in caplog.records if "guessed" in record.getMessage()]


def test_a_weak_key_is_logged_once_with_the_cure_and_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    app = new_app(SECRET_KEY="hunter2", TESTING=False)
    app.add_url_rule("/", "index", lambda: tuile.session.setdefault("a", "1"))
    (message,) = logged(app, caplog)
    assert message.startswith("SECRET_KEY can be guessed: it is shorter than 16 bytes.")
    assert "`tuile secret`" in message
    assert "hunter2" not in message


def test_a_session_alone_is_enough_for_it(caplog: pytest.LogCaptureFixture) -> None:
    app = new_app(SECRET_KEY=KEY, SECRET_KEY_FALLBACKS=["hunter2"], TESTING=False)
    app.add_url_rule("/", "index", lambda: tuile.session.setdefault("a", "1"))
    app.test_client().get("/")
    assert [record.getMessage()[:40] for record in caplog.records] == ["A key in SECRET_KEY_FALLBACKS can be gue"]


@pytest.mark.parametrize("config", [{"TESTING": True}, {"DEBUG": True, "TESTING": False}], ids=str)
def test_in_tests_and_in_debug_mode_any_key_will_do(config: dict[str, bool], caplog: pytest.LogCaptureFixture) -> None:
    app = new_app(SECRET_KEY="dev", **config)
    app.add_url_rule("/", "index", lambda: tuile.session.setdefault("a", "1"))
    assert logged(app, caplog) == []


def test_a_good_key_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    app = new_app(TESTING=False)
    app.add_url_rule("/", "index", lambda: tuile.session.setdefault("a", "1"))
    assert logged(app, caplog) == []
