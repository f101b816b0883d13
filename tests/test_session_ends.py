"""Sessions end and change: kinds that are read, identities, ages, copies, clocks, bounds, caches, several cookies."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import itsdangerous
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuile
from tests.beside_flask import make_environ, send
from tuile import session
from tuile.exceptions import BadToken, CookieCheckError
from tuile.keys.timed_signer import TimedSigner
from tuile.keys.tokens import encode_base64
from tuile.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from tuile.sessions.kinds import READABLE
from tuile.sessions.packing import MAX_UNPACKED_BYTES, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.beside_flask import Answer
    from tuile import Flask

NOW = 1_700_000_000
DAY = 86_400
KEY = "5f1b0c9d7e3a48c2b6d4917f20ea63c8"


class OwnInterface(SecureCookieSessionInterface):
    """One that goes the way of all subclasses: through itsdangerous."""


def new_app(own: bool = False, cls: type[Flask] = tuile.Flask, **config: Any) -> Flask:
    app = cls("app", static_folder=None)
    app.config.update({"SECRET_KEY": KEY, **config})
    if own:
        app.session_interface = OwnInterface()
    app.add_url_rule("/read", "read", lambda: json.dumps(dict(session)))
    app.add_url_rule("/nothing", "nothing", lambda: "nothing")
    app.add_url_rule("/change", "change", lambda: str(app.config["CHANGE"]()))
    return app


def ask(app: Flask, path: str = "/read", *tokens: str, now: float = NOW) -> Answer:
    cookies = {"HTTP_COOKIE": "; ".join(f"session={token}" for token in tokens)} if tokens else {}
    with mock.patch("time.time", return_value=now):
        return send(app, make_environ(path, **cookies))


def read(app: Flask, *tokens: str, now: float = NOW) -> Any:
    answer = ask(app, "/read", *tokens, now=now)
    assert answer.status.startswith("200"), answer.status
    return json.loads(answer.text)


def token_of(answer: Answer) -> str | None:
    lines = [value for name, value in answer.headers if name == "Set-Cookie"]
    assert len(lines) < 2
    return re.match("session=([^;]*)", lines[0])[1] if lines else None  # type: ignore[index]


def written(app: Flask, change: Callable[[], Any], *tokens: str, now: float = NOW) -> str:
    """The token after a change of the session."""
    app.config["CHANGE"] = change
    token = token_of(ask(app, "/change", *tokens, now=now))
    assert token is not None
    return token


def login() -> None:
    session["user"] = "ada"


def said(function: Callable[[], None]) -> Callable[[], str]:
    """A view that does it."""

    def view() -> str:
        function()
        return ""

    return view


def fill_with(content: str) -> None:
    session["a"] = content


def empty() -> None:
    session.clear()


def begin_anew() -> None:
    session.regenerate()
    session["user"] = "ada"


ways = pytest.mark.parametrize("own", [False, True], ids=["built in", "subclass"])

# --- which kinds are read ---------------------------------------------------------------------------------------------

WRITERS: dict[str, dict[str, Any]] = {
    "sha1": {},
    "sha256": {"SESSION_DIGEST": "sha256"},
    "encrypted": {"SESSION_ENCRYPT": True},
}


@ways
@pytest.mark.parametrize("writes", WRITERS)
@pytest.mark.parametrize("reads", [None, *[list(names) for names in (("sha1",), ("signed", "encrypted"), ("sha256",))]])
@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_read_is_what_the_setting_names(own: bool, writes: str, reads: Any, kind: str) -> None:
    pytest.importorskip("cryptography")  # an extra
    named = None if reads is None else {writes, *(kind for name in reads for kind in READABLE[name])}
    app = new_app(own, **WRITERS[writes], SESSION_READS=None if reads is None else [*reads, writes])
    token = written(new_app(**WRITERS[kind]), login)
    assert read(app, token) == ({"user": "ada"} if named is None or kind in named else {})
    assert read(app, written(app, login)) == {"user": "ada"}


@ways
@pytest.mark.parametrize(
    ("config", "error", "text"),
    [
        ({"SESSION_READS": "signed"}, TypeError, r"Write: \['signed'\]"),
        ({"SESSION_READS": 5}, TypeError, "must be a list of"),
        ({"SESSION_READS": {"signed": True}}, TypeError, "must be a list of"),
        ({"SESSION_READS": ["md5"]}, ValueError, "contains 'md5'"),
        ({"SESSION_READS": [None]}, ValueError, "contains None"),
        ({"SESSION_READS": []}, ValueError, "no user could log in"),
        ({"SESSION_READS": ["sha256"]}, ValueError, "Add 'sha1'"),
        ({"SESSION_READS": ["signed"], "SESSION_ENCRYPT": True}, ValueError, "Add 'encrypted'"),
        ({"SESSION_DIGEST": "md5"}, ValueError, "SESSION_DIGEST must be"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_together_are_an_error(own: bool, config: Any, error: Any, text: str) -> None:
    app = new_app(own, TESTING=True, **config)
    with pytest.raises(error, match=text):
        ask(app)


def test_an_iterator_of_kinds_is_an_error_because_it_is_empty_the_second_time() -> None:
    app = new_app(TESTING=True, SESSION_READS=iter(["signed"]))
    with pytest.raises(TypeError, match="must be a list of"):
        read(app)


@pytest.mark.parametrize("reads", [["signed", "encrypted"], {"signed", "encrypted"}, ("signed", "encrypted"), None])
def test_a_setting_is_narrowed_while_the_app_runs(reads: Any) -> None:
    pytest.importorskip("cryptography")
    signed = written(new_app(), login)
    app = new_app(SESSION_ENCRYPT=True, SESSION_READS=reads)
    assert read(app, signed) == {"user": "ada"}
    if isinstance(reads, (list, set)):
        reads.remove("signed")  # in place
    else:
        app.config["SESSION_READS"] = ("encrypted",)
    assert read(app, signed) == {}
    app.config["SESSION_READS"] = None
    assert read(app, signed) == {"user": "ada"}


def test_a_signed_session_of_another_app_is_not_laundered_once_signed_ones_are_left_out() -> None:
    pytest.importorskip("cryptography")
    other = new_app(SESSION_COOKIE_NAME="other")
    other.add_url_rule("/login", "login", said(login))
    (line,) = [value for name, value in ask(other, "/login").headers if name == "Set-Cookie"]
    token = line.partition(";")[0].partition("=")[2]
    assert read(new_app(SESSION_ENCRYPT=True), token) == {"user": "ada"}  # nobody is logged out by default
    assert read(new_app(SESSION_ENCRYPT=True, SESSION_READS=["encrypted"]), token) == {}


@ways
def test_one_line_in_the_log_tells_of_a_kind_that_is_not_written(own: bool, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("cryptography")
    app = new_app(own, SESSION_ENCRYPT=True, TESTING=True)
    tokens = [written(new_app(**WRITERS[kind]), login) for kind in WRITERS]
    caplog.clear()
    for token in tokens * 3:
        assert read(app, token) == {"user": "ada"}
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 2
    assert "signed with SHA-1, and new ones are encrypted" in texts[0]
    assert "SESSION_READS = ['encrypted']" in texts[0]
    assert "31 days" in texts[0]
    assert "signed with SHA-256" in texts[1]
    assert not any(token[-20:] in text for text in texts for token in tokens)


def test_the_log_is_silent_where_all_sessions_are_of_one_kind(caplog: pytest.LogCaptureFixture) -> None:
    app = new_app()
    assert read(app, written(app, login)) == {"user": "ada"}
    assert read(app, "nonsense") == {}
    assert caplog.records == []


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, False),
        ({"SESSION_DIGEST": "sha256"}, True),
        ({"SESSION_DIGEST": "sha256", "SESSION_READS": ["sha256", "encrypted"]}, False),
        ({"SESSION_ENCRYPT": True}, True),
        ({"SESSION_ENCRYPT": True, "SESSION_READS": ["encrypted"]}, False),
    ],
    ids=str,
)
def test_the_commands_say_when_the_setting_may_be_narrowed(config: dict[str, Any], told: bool) -> None:
    from tuile.cli import rotate_keys_command  # noqa: PLC0415 - click is for the command line
    from tuile.cli.doctor.application import examine_application  # noqa: PLC0415

    app = new_app(PERMANENT_SESSION_LIFETIME=timedelta(days=9), **config)
    found = [finding.reason for finding in examine_application(app) if finding.subject == "SESSION_READS"]
    assert bool(found) is told
    result = app.test_cli_runner().invoke(rotate_keys_command)
    assert result.exit_code == 0, result.output
    kind = "encrypted" if "SESSION_ENCRYPT" in config else "sha256"
    for text in (*found, result.output):
        assert (f"SESSION_READS = ['{kind}']" in text) is told
        assert ("9 days (PERMANENT_SESSION_LIFETIME)" in text) is told


def test_the_commands_say_when_settings_do_not_fit_together() -> None:
    from tuile.cli import rotate_keys_command  # noqa: PLC0415 - click is for the command line
    from tuile.cli.doctor.application import examine_application  # noqa: PLC0415

    app = new_app(SESSION_READS=["sha256"])
    found = [finding.reason for finding in examine_application(app) if finding.subject == "the session"]
    assert ["Add 'sha1'" in reason for reason in found] == [True]
    result = app.test_cli_runner().invoke(rotate_keys_command)
    assert result.exit_code == 1
    assert "Add 'sha1'" in result.output


# --- SHA-1 is computed where it is needed -----------------------------------------------------------------------------


def refused(*_: Any, **__: Any) -> Any:
    raise ValueError("[digital envelope routines] unsupported")


@ways
@pytest.mark.parametrize("token", ["good", "tampered", "of another key", "nonsense", "short"])
def test_with_sha256_no_sha1_is_computed(own: bool, token: str) -> None:
    tokens = {
        "good": written(new_app(SESSION_DIGEST="sha256"), login),
        "of another key": written(new_app(SESSION_DIGEST="sha256", SECRET_KEY="another key 5d0c"), login),
        "nonsense": "a.b." + "x" * 43,
        "short": "x",
    }
    tokens["tampered"] = "A" + tokens["good"][1:]
    asked_for: list[str] = []
    new = hashlib.new

    def noted(name: str, *arguments: Any, **options: Any) -> Any:
        asked_for.append(name)
        return new(name, *arguments, **options)

    with mock.patch.object(hashlib, "sha1", side_effect=AssertionError), mock.patch.object(hashlib, "new", noted):
        app = new_app(own, SESSION_DIGEST="sha256")
        assert read(app, tokens[token]) == ({"user": "ada"} if token == "good" else {})
        assert read(app, written(app, login, tokens[token])) == {"user": "ada"}
    assert set(asked_for) <= {"sha256"}


@ways
@pytest.mark.parametrize("digest", ["sha1", "sha256", None])
def test_where_sha1_is_refused_nothing_is_a_500(own: bool, digest: str | None) -> None:
    by_sha1, by_sha256 = written(new_app(), login), written(new_app(SESSION_DIGEST="sha256"), login)
    with mock.patch.object(hashlib, "sha1", refused):
        app = new_app(own, SESSION_DIGEST=digest)
        assert read(app, by_sha1) == {}
        assert read(app, by_sha256) == {"user": "ada"}
        assert read(app, written(app, login, by_sha1)) == {"user": "ada"}
        assert read(app, by_sha1, by_sha256) == {"user": "ada"}


def test_a_signer_whose_hash_is_refused_reads_nothing_and_says_so_when_it_signs() -> None:
    token = TimedSigner(["key"], "salt", "sha1").sign(b"value", NOW)
    with mock.patch.object(hashlib, "sha1", refused):
        signer = TimedSigner(["key"], "salt", "sha1")
        with pytest.raises(BadToken):
            signer.unsign(token, NOW)
        with pytest.raises(RuntimeError, match="SESSION_DIGEST = 'sha256'"):
            signer.sign(b"value", NOW)


# --- a new identity ---------------------------------------------------------------------------------------------------


def test_a_login_keeps_only_what_it_names() -> None:
    app = new_app()

    def planted() -> None:
        session.update(csrf_token="known", basket=[1], user="mallory", _flashes=[("message", "x")])
        session.permanent = True

    def regenerated() -> None:
        session.regenerate(keep=("basket", "nothing"))
        session["user"] = "ada"

    before = written(app, planted)
    token = written(app, regenerated, before)
    found = read(app, token)
    assert set(found) == {"basket", "user", "_created", "_handle"}
    assert found["_created"] == NOW
    assert re.fullmatch("[A-Za-z0-9_-]{22}", found["_handle"])
    again = read(app, written(app, regenerated, token, now=NOW + 5), now=NOW + 5)
    assert again["_handle"] != found["_handle"]
    assert again["_created"] == NOW + 5


def test_a_new_identity_is_there_at_once() -> None:
    app = new_app()
    with app.test_request_context():
        assert (session.created, session.handle) == (None, None)
        session.regenerate()
        assert session.modified
        assert session.handle == session["_handle"]
        assert abs(session.created - datetime.now(timezone.utc)) < timedelta(hours=1)  # type: ignore[operator]
        handles = set()
        for _ in range(100):
            session.regenerate()
            handles.add(session.handle)
        assert len(handles) == 100


def test_an_identity_survives_what_happens_later() -> None:
    app = new_app()
    token = written(app, begin_anew)
    other = written(app, login, token, now=NOW + 100)
    assert read(app, token)["_handle"] == read(app, other, now=NOW + 100)["_handle"]
    assert read(app, other, now=NOW + 100)["_created"] == NOW


def test_a_session_with_nothing_else_in_it_is_empty() -> None:
    app = new_app()
    token = written(app, begin_anew)
    assert written(app, lambda: session.pop("user"), token) == ""
    assert written(app, lambda: session.regenerate()) == ""  # noqa: PLW0108 - there is no session yet


def test_a_single_key_to_keep_is_an_error() -> None:
    with new_app().test_request_context(), pytest.raises(TypeError, match=r"keep=\['basket'\]"):
        session.regenerate(keep="basket")
    with new_app().test_request_context(), pytest.raises(TypeError, match="not a single one"):
        session.regenerate(keep=b"basket")  # type: ignore[arg-type] # the error


def test_sessions_of_other_ways_say_that_they_cannot() -> None:
    class Elsewhere(dict[str, Any], SessionMixin):
        def __init__(self) -> None:
            self.created: Any = "its own"

    assert Elsewhere().created == "its own"
    assert Elsewhere().handle is None
    with pytest.raises(NotImplementedError, match="Elsewhere does not implement regenerate"):
        Elsewhere().regenerate()
    with pytest.raises(RuntimeError, match="no secret key"):
        NullSession().regenerate()


@given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=5), st.lists(st.text(max_size=3), max_size=4))
def test_what_stays_is_what_is_named_and_there(content: dict[str, int], keep: list[str]) -> None:
    opened = SecureCookieSession(content)
    opened.regenerate(iter(keep))
    rest = {key: value for key, value in opened.items() if key not in {"_created", "_handle"}}
    assert rest == {key: value for key, value in content.items() if key in keep}


def test_nobody_who_asks_for_nothing_has_anything_in_the_session() -> None:
    app = new_app()
    assert read(app, written(app, login)) == {"user": "ada"}


# --- ages -------------------------------------------------------------------------------------------------------------


def stay() -> None:
    session.permanent = True
    session["user"] = "ada"


@ways
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("absolute", [10 * DAY, timedelta(days=10), 10.0 * DAY])
def test_a_session_that_is_used_every_day_ends_all_the_same(own: bool, kind: str, absolute: Any) -> None:
    pytest.importorskip("cryptography")
    app = new_app(own, SESSION_ABSOLUTE=absolute, **WRITERS[kind])
    token = written(app, stay)
    for day in range(1, 11):
        renewed = token_of(ask(app, "/nothing", token, now=NOW + day * DAY))
        assert renewed is not None
        token = renewed
        assert read(app, token, now=NOW + day * DAY)["user"] == "ada"
    assert read(app, token, now=NOW + 10 * DAY + 1) == {}
    assert token_of(ask(app, "/nothing", token, now=NOW + 10 * DAY + 1)) is None


def test_the_browser_forgets_the_cookie_when_the_session_ends() -> None:
    app = new_app(SESSION_ABSOLUTE=DAY)
    app.add_url_rule("/stay", "stay", said(stay))
    (line,) = [value for name, value in send(app, make_environ("/stay")).headers if name == "Set-Cookie"]
    found = re.search("Expires=([^;]*)", line)
    assert found is not None
    end = datetime.strptime(found[1], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=timezone.utc)
    assert timedelta(hours=23) < end - datetime.now(timezone.utc) <= timedelta(days=1)


def test_a_session_from_before_is_as_old_as_its_cookie_and_logs_nobody_out() -> None:
    token = written(new_app(), stay)
    app = new_app(SESSION_ABSOLUTE=10 * DAY)
    assert read(app, token, now=NOW + 9 * DAY)["_created"] == NOW
    renewed = token_of(ask(app, "/nothing", token, now=NOW + 9 * DAY))
    assert renewed is not None
    assert read(app, renewed, now=NOW + 11 * DAY) == {}
    assert read(app, token, token, now=NOW + 9 * DAY)["_handle"] == read(app, token, now=NOW)["_handle"]


def test_idle_is_as_before() -> None:
    app = new_app(SESSION_ABSOLUTE=100 * DAY, PERMANENT_SESSION_LIFETIME=DAY)
    token = written(app, stay)
    assert read(app, token, now=NOW + DAY)["user"] == "ada"
    assert read(app, token, now=NOW + DAY + 1) == {}


@pytest.mark.parametrize(
    ("absolute", "error"), [("1 day", TypeError), (True, TypeError), (0, ValueError), (-5, ValueError)]
)
def test_an_age_that_is_none_is_an_error(absolute: Any, error: Any) -> None:
    app = new_app(SESSION_ABSOLUTE=absolute, TESTING=True)
    with pytest.raises(error, match="SESSION_ABSOLUTE"):
        read(app, written(new_app(), login))


@ways
@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("absolute", [None, 10 * DAY])
def test_clocks_may_differ_by_a_minute(own: bool, kind: str, absolute: Any) -> None:
    pytest.importorskip("cryptography")
    app = new_app(own, SESSION_ABSOLUTE=absolute, **WRITERS[kind])
    token = written(app, lambda: session.update(user="ada"))
    assert [read(app, token, now=NOW - early).get("user") for early in (0, 1, 59, 60, 61, 3600)] == [
        "ada", "ada", "ada", "ada", None, None,
    ]  # fmt: skip


# --- copies -----------------------------------------------------------------------------------------------------------


class Refusing(tuile.Flask):
    not_before: dict[str, datetime] = {}
    ended: set[str | None] = set()

    def session_refused(self, session: Any) -> bool:
        return session.created < self.not_before.get(session["user"], session.created) or session.handle in self.ended


@ways
@pytest.mark.parametrize("kind", WRITERS)
def test_a_logout_reaches_the_copies_of_a_cookie(own: bool, kind: str) -> None:
    pytest.importorskip("cryptography")
    app = new_app(own, Refusing, **WRITERS[kind])
    app.not_before, app.ended = {}, set()

    def log_in() -> None:
        session.regenerate()
        session["user"] = "ada"

    laptop, phone = written(app, log_in), written(app, log_in, now=NOW + 10)
    copy = written(app, lambda: session.update(theme="dark"), laptop, now=NOW + 20)
    app.ended.add(read(app, laptop)["_handle"])  # type: ignore[attr-defined]
    assert [read(app, token, now=NOW + 20) != {} for token in (laptop, copy, phone)] == [False, False, True]
    app.not_before["ada"] = datetime.fromtimestamp(NOW + 11, timezone.utc)  # type: ignore[attr-defined]
    assert read(app, phone, now=NOW + 20) == {}
    assert read(app, written(app, log_in, phone, now=NOW + 30), now=NOW + 30)["user"] == "ada"


def test_sessions_get_an_identity_where_they_can_be_refused_and_older_ones_have_that_of_their_cookie() -> None:
    older = written(new_app(), login)
    app = new_app(cls=Refusing)
    assert set(read(app, written(app, login))) == {"user", "_created", "_handle"}
    found = read(app, older, now=NOW + 5)
    assert found["_created"] == NOW
    assert found == read(app, older, now=NOW + 50)
    kept = read(app, written(app, lambda: session.update(a=1), older, now=NOW + 60), now=NOW + 60)
    assert kept["_handle"] == found["_handle"]


def test_it_may_be_set_on_the_app_at_any_time() -> None:
    app = new_app()
    token = written(app, login)
    assert read(app, token) == {"user": "ada"}
    seen: list[Any] = []

    def refusing(session: Any) -> bool:
        seen.append(dict(session))
        return True

    app.session_refused = refusing  # type: ignore[method-assign]
    assert read(app, token) == {}
    assert seen[0]["user"] == "ada"
    del app.session_refused
    assert read(app, token) == {"user": "ada"}
    with mock.patch.object(tuile.Flask, "session_refused", return_value=True):
        assert read(app, token) == {}
    assert app.session_refused(SecureCookieSession({"a": 1})) is False


def test_an_empty_session_is_not_asked_about() -> None:
    app = new_app(TESTING=True)
    app.session_refused = lambda session: session["user"] == "x"  # type: ignore[method-assign]
    assert read(app) == {}
    assert read(app, "nonsense") == {}


def test_an_error_of_the_answer_is_not_taken_for_yes_or_no() -> None:
    app = new_app(TESTING=True)
    app.session_refused = lambda session: bool(1 / 0)  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        read(app, written(new_app(), login))


# --- several cookies --------------------------------------------------------------------------------------------------


@ways
def test_the_first_good_one_of_four_cookies_is_the_session(own: bool) -> None:
    app = new_app(own)
    good, other = written(app, login), written(app, lambda: session.update(user="grace"))
    old = written(app, login, now=NOW - 400 * DAY)
    assert read(app, "bad", good, other) == {"user": "ada"}
    assert read(app, other, good) == {"user": "grace"}
    for bad in ("", "x.y.z", old, good[:-1], f"{good}x", "e1.00000000.AAAA", ".", "é"):
        assert read(app, bad, good) == {"user": "ada"}
    assert read(app, "a", "b", "c", good) == {"user": "ada"}
    assert read(app, "a", "b", "c", "d", good) == {}


def test_a_cookie_that_has_ended_or_is_refused_is_not_good() -> None:
    app = new_app(SESSION_ABSOLUTE=DAY)
    app.session_refused = lambda session: session["user"] == "mallory"  # type: ignore[method-assign]
    old, fresh = written(app, login), written(app, login, now=NOW + 2 * DAY)
    assert read(app, old, fresh, now=NOW + 2 * DAY)["user"] == "ada"
    refused_one = written(app, lambda: session.update(user="mallory"))
    assert read(app, refused_one, written(app, login))["user"] == "ada"


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_a_session_that_inflates_to_too_much_is_a_bad_token() -> None:
    with pytest.raises(BadToken, match="inflates to more than"):
        unpack(b"." + encode_base64(zlib.compress(b'"' + b"a" * MAX_UNPACKED_BYTES + b'"')).encode())
    most = "a" * MAX_UNPACKED_BYTES
    assert unpack(pack(most)) == most
    with pytest.raises(ValueError, match="could not be read again"):
        pack(most + "a")
    for cut in (1, 5, 50):
        with pytest.raises(BadToken):
            unpack(b"." + encode_base64(zlib.compress(b"a" * 1000)[:-cut]).encode())


@ways
def test_a_bomb_with_a_good_signature_is_an_empty_session(own: bool) -> None:
    app = new_app(own)
    bomb = itsdangerous.URLSafeTimedSerializer(
        KEY, "cookie-session", signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1}
    )
    with mock.patch("time.time", return_value=NOW):
        token = str(bomb.dumps({"a": "a" * 1_000_000}))
        small = str(bomb.dumps({"a": "a" * 100_000}))
    assert len(token) < 2000
    with mock.patch.object(zlib, "decompress", side_effect=AssertionError) if not own else mock.patch("time.tzset"):
        assert read(app, token) == {}
        assert read(app, small) == {"a": "a" * 100_000}


@ways
@pytest.mark.parametrize("kind", WRITERS)
def test_what_would_not_be_read_is_not_written(own: bool, kind: str) -> None:
    pytest.importorskip("cryptography")
    app = new_app(own, TESTING=True, COOKIE_CHECKS="off", MAX_COOKIE_SIZE=0, **WRITERS[kind])
    with pytest.raises(ValueError, match="more than 262144 octets"):
        written(app, lambda: session.update(a="a" * 300_000))
    most = MAX_UNPACKED_BYTES - len('{"a":""}')
    for fill in ("a", "\u00e9"):
        app.json.ensure_ascii = False
        content = fill * (most // len(fill.encode()))
        token = written(app, partial(fill_with, content))
        if kind != "encrypted" and fill == "a":
            assert read(app, token) == {"a": content}


# --- caches -----------------------------------------------------------------------------------------------------------


def cached_app(said: str, view: Callable[[], Any], **config: Any) -> Flask:
    app = new_app(**config)
    app.add_url_rule("/page", "page", lambda: (str(view()), {"Cache-Control": said}))
    return app


def header(answer: Answer, name: str) -> str | None:
    found = [value for key, value in answer.headers if key == name]
    return found[0] if found else None


@pytest.mark.parametrize(
    "said",
    ["public, max-age=600", "Public", "s-maxage=60", "max-age=1,public", "S-MaxAge = 60", "max-age=1; public"],
)
@pytest.mark.parametrize("view", [lambda: "", lambda: session.get("user")], ids=["untouched", "read"])
def test_a_session_that_lasts_is_not_renewed_on_a_page_for_everybody(said: str, view: Any) -> None:
    app = cached_app(said, view)
    token = written(app, stay)
    answer = ask(app, "/page", token)
    assert token_of(answer) is None
    assert header(answer, "Cache-Control") == said
    assert token_of(ask(app, "/nothing", token)) is not None


@pytest.mark.parametrize("said", ["max-age=600", "private", "no-cache", 'no-cache="public"', "x-public"])
def test_a_session_that_lasts_is_renewed_on_other_pages(said: str) -> None:
    app = cached_app(said, lambda: "")
    answer = ask(app, "/page", written(app, stay))
    assert token_of(answer) is not None
    assert header(answer, "Cache-Control") == said


@pytest.mark.parametrize("change", [login, empty], ids=["changed", "emptied"])
def test_a_changed_session_is_sent_and_the_page_is_for_nobody_else(change: Any) -> None:
    app = cached_app("public, max-age=600, s-maxage=60", change)
    answer = ask(app, "/page", written(app, stay))
    assert token_of(answer) is not None
    assert header(answer, "Cache-Control") == "private, max-age=600"
    assert header(answer, "Vary") == "Cookie"


@pytest.mark.parametrize(
    ("name", "said", "instead"),
    [
        ("Surrogate-Control", "max-age=3600", "no-store"),
        ("surrogate-control", "public, max-age=60", "no-store"),
        ("Edge-Control", "!no-store, max-age=60", "no-store"),
        ("Edge-Control", "cache-maxage=1d", "no-store"),
        ("X-Accel-Expires", "60", "0"),
        ("X-Accel-Expires", "@1900000000", "0"),
        ("CDN-Cache-Control", "max-age=60", "private, max-age=60"),
    ],
)
@pytest.mark.parametrize("way", ["built in", "own"])
def test_fields_for_caches_in_front_of_a_site_are_heeded(name: str, said: str, instead: str, way: str) -> None:
    app = new_app(way == "own")
    app.add_url_rule("/page", "page", lambda: ("text", {name: said}))

    @app.get("/login")
    def log_in() -> Any:
        login()
        return "text", {name: said}

    token = written(new_app(), stay)
    kept = ask(app, "/page", token)
    assert (token_of(kept), header(kept, name)) == (None, said)
    changed = ask(app, "/login", token)
    assert token_of(changed) is not None
    assert header(changed, name) == instead


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Surrogate-Control", "no-store"),
        ("Edge-Control", "no-store"),
        ("X-Accel-Expires", "0"),
        ("X-Control", "public"),
    ],
)
def test_fields_that_invite_nobody_stay(name: str, said: str) -> None:
    app = new_app()

    @app.get("/login")
    def log_in() -> Any:
        login()
        return "text", {name: said}

    assert header(ask(app, "/login"), name) == said


@pytest.mark.parametrize("content", ["[1]", "7", "null", '"text"', "true"])
@pytest.mark.parametrize("own", [False, True], ids=["built in", "own"])
def test_a_session_with_this_key_that_is_no_mapping_reads_as_empty(own: bool, content: str) -> None:
    token = TimedSigner([KEY], "cookie-session", "sha1").sign(pack(content), NOW).decode()
    assert read(new_app(own), token) == {}


def test_the_static_files_of_a_visitor_who_stays_have_no_cookie() -> None:
    app = tuile.Flask("tests.test_session_ends", static_folder="frames")
    app.config.update(SECRET_KEY=KEY, SEND_FILE_MAX_AGE_DEFAULT=3600)
    token = written(new_app(), stay)
    answer = ask(app, "/frames/conftest.py", token)
    assert answer.status.startswith("200")
    assert "public" in str(header(answer, "Cache-Control"))
    assert token_of(answer) is None


@pytest.mark.parametrize("by", ["session", "cookies", "response", "header"])
def test_checks_tell_of_cookies_on_pages_for_everybody(by: str) -> None:
    def view() -> Any:
        response = tuile.make_response("text", {"Cache-Control": "public"})
        if by == "session":
            login()
        elif by == "cookies":
            tuile.cookies.set("a", "1")
        elif by == "response":
            response.set_cookie("a", "1")
        else:
            response.headers.add("set-cookie", "a=1")
        return response

    app = new_app(TESTING=True, COOKIE_CHECKS="error")
    app.add_url_rule("/page", "page", view)
    with pytest.raises(CookieCheckError, match="shared caches to store it"):
        ask(app, "/page")
    app.config.update(COOKIE_CHECKS="off")
    assert ("private" in str(header(ask(app, "/page"), "Cache-Control"))) is (by in {"session", "cookies"})


def test_flasks_answers_have_no_more_headers() -> None:
    def view() -> Any:
        session["user"] = "ada"
        response = tuile.make_response("text")
        response.set_cookie("a", "1")
        return response

    app = new_app()
    app.add_url_rule("/page", "page", view)
    names = [name for name, _ in ask(app, "/page").headers]
    assert sorted(names) == ["Content-Length", "Content-Type", "Set-Cookie", "Set-Cookie", "Vary"]


quick = settings(derandomize=True, deadline=None, database=None, max_examples=100)


@quick
@given(st.text(alphabet='pPublic,-smaxage=private " 0\t', max_size=30))
def test_no_cache_control_is_too_odd(said: str) -> None:
    from werkzeug.datastructures import Headers  # noqa: PLC0415 - with what it is for

    from tuile.http.caching import invites_shared_caches, keep_private  # noqa: PLC0415

    response = tuile.Response("text")
    response.headers = Headers([("Cache-Control", said)])
    was = invites_shared_caches(response.headers)
    keep_private(response)
    assert not invites_shared_caches(response.headers)
    assert (response.headers["Cache-Control"] != said) is was


# --- wrong settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSION_ABSOLUTE", "1 day"),
        ("SESSION_ABSOLUTE", True),
        ("SESSION_ABSOLUTE", 0),
        ("SESSION_READS", "signed"),
        ("SESSION_READS", ["md5"]),
        ("SESSION_READS", ["encrypted"]),
        ("SESSION_DIGEST", "md5"),
    ],
)
@pytest.mark.parametrize("plain", [True, False])
def test_a_wrong_setting_is_an_error_before_the_first_answer(name: str, value: object, plain: bool) -> None:
    app = new_app()
    app.config[name] = value
    answers: list[object] = []

    @app.errorhandler(Exception)
    def handle(error: Exception) -> str:
        answers.append(error)
        return "handled"

    if not plain:
        app.subdomain_matching = True
    for _ in range(2):
        with pytest.raises((TypeError, ValueError), match=name):
            ask(app, "/nothing")
    assert not answers
    with pytest.raises((TypeError, ValueError), match=name):
        app.run()
    app.config[name] = None
    assert ask(app, "/nothing").code == 200


def test_settings_of_another_interface_are_left_alone() -> None:
    app = new_app(SESSION_ABSOLUTE="1 day")

    class Own(tuile.sessions.SessionInterface):
        def open_session(self, app: Flask, request: tuile.Request) -> SessionMixin:
            return SecureCookieSession()

        def save_session(self, app: Flask, session: SessionMixin, response: tuile.Response) -> None:
            pass

    app.session_interface = Own()
    assert ask(app, "/nothing").code == 200


@pytest.mark.parametrize("own", [True, False])
def test_the_session_proxy_is_not_usable_while_the_session_is_opened(own: bool) -> None:
    asked: list[object] = []

    class Refusing(tuile.Flask):
        def session_refused(self, opened: SessionMixin) -> bool:
            asked.append(opened)
            with pytest.raises(AssertionError, match="not yet been opened"):
                session["user"]
            return "user" not in opened

    app = new_app(own, Refusing)
    cookie = written(app, login)
    asked.clear()
    assert json.loads(ask(app, "/read", cookie).body)["user"] == "ada"
    assert len(asked) == 1
