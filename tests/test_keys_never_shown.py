"""No error shows a key or a value: not in its text, nor in a variable of a frame that it passed through.

Error trackers send the variables of every frame; so do debuggers, `traceback` with `capture_locals` and `pytest -l`.
Each error of keys, tokens, secret keys and sessions is raised here, most of them inside of a request.
"""

from __future__ import annotations

import base64
import builtins
import copy
import hashlib
import hmac
import json
import pickle
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import sentry_sdk

import tuile
from tuile import cookies, session
from tuile.keys.app_keys import check_keys, keys_of
from tuile.keys.ring import KeyRing, hkdf, key_id
from tuile.keys.secret import Secret
from tuile.keys.timed_signer import TimedSigner
from tuile.sessions import SecureCookieSessionInterface
from tuile.sessions.packing import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "SeCrEt-rW8kZq3vN6tYb1xMp5Hd7Lf9"
FORMER = "FoRmEr-Gj2cXs4wQe6uVn8mBk0Ta3Zy"
PLAIN = "plaintext-Jm4Rx9-of-a-visitor"
NOW = 1_700_000_000
PURPOSES = ("cookie", "session cookie-session", "p", "my-extension")
CONFIG: dict[str, Any] = {
    "SECRET_KEY": KEY,
    "SECRET_KEY_FALLBACKS": [FORMER],
    "TESTING": True,
    "TRAP_BAD_REQUEST_ERRORS": True,
}
HASHES = ("sha1", "sha256")


def needles() -> dict[str, bytes]:
    """What must not be found: keys and what is derived from them, as octets."""
    found = {"plaintext": PLAIN.encode()}
    for name, key in (("key", KEY.encode()), ("former key", FORMER.encode())):
        extract = hmac.digest(b"tuile.keyring 1", key, "sha256")
        found |= {name: key, f"extract of {name}": extract}
        for purpose in PURPOSES:
            for use in ("s1", "e1", "e2", "derive"):
                info = f"{use}\0{purpose}".encode()
                found[f"{use} {purpose} of {name}"] = hkdf(key, salt=b"tuile.keyring 1", info=info)
        for digest in HASHES:
            for salt in (b"cookie-session", b"p"):
                derived = hmac.digest(key, salt, digest)
                found[f"{digest} {salt!r} of {name}"] = derived
                block = hashlib.new(digest).block_size
                found[f"padded {digest} {salt!r} of {name}"] = bytes(o ^ 0x36 for o in derived.ljust(block, b"\0"))[:20]
    return found


def spellings(octets: bytes) -> Iterator[str]:
    yield octets.hex()
    yield octets.hex().upper()
    yield repr(octets)[2:-1]
    yield octets.decode("latin-1")
    for before in range(3):
        # As it stands in base64 that begins before it.
        coded = base64.b64encode(b"\0" * before + octets).decode().rstrip("=")[:-1]
        for text in (coded, coded.replace("+", "-").replace("/", "_")):
            yield text[-(-before * 8 // 6) + 1 if before else 0 :]


NEEDLES = {spelling: name for name, octets in needles().items() for spelling in spellings(octets)}


def seen_in(text: str) -> set[str]:
    return {name for spelling, name in NEEDLES.items() if spelling in text}


# --- looking at an error ----------------------------------------------------------------------------------------------


def chain(error: BaseException) -> list[BaseException]:
    """The error and all that it came from, also what `from None` keeps and hides."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__]
    return found


def shown(value: object, depth: int = 0) -> Iterator[str]:
    """What somebody sees who looks at a variable: its repr, and that of what is in it."""
    yield repr(value)
    if depth < 4:
        if isinstance(value, dict):
            for item in (*value, *value.values()):
                yield from shown(item, depth + 1)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for item in value:
                yield from shown(item, depth + 1)
        elif isinstance(value, (bytes, bytearray)):
            yield bytes(value).decode("latin-1")
        elif isinstance(value, str):
            yield value


def pickled(value: object) -> str:
    try:
        return pickle.dumps(value).decode("latin-1")
    except Exception:  # noqa: BLE001 - what refuses to be pickled raises whatever it likes
        return ""


def leaks(error: BaseException) -> dict[str, set[str]]:
    """Where an error shows what must not be seen, and what that is."""
    found: dict[str, set[str]] = {}
    for one in chain(error):
        texts = [str(one), repr(one), *map(repr, vars(one).values()), *map(str, getattr(one, "args", ()))]
        texts += [repr(getattr(one, "object", ""))]
        found[f"{type(one).__name__} itself"] = seen_in("\n".join(texts))
        for frame, line in traceback.walk_tb(one.__traceback__):
            if frame.f_code.co_filename == __file__:
                continue
            for name, value in frame.f_locals.items():
                if isinstance(value, tuile.Flask) or name == "__builtins__":
                    continue
                seen = seen_in("\n".join([*shown(value), pickled(value)]))
                found[f"{frame.f_code.co_filename}:{line} {name}"] = seen
    return {where: what for where, what in found.items() if what}


def without_this_file(error: BaseException) -> BaseException:
    """Take the frames of this file off, which know the key."""
    for one in chain(error):
        kept = one.__traceback__
        while kept is not None and kept.tb_frame.f_code.co_filename == __file__:
            kept = kept.tb_next
        one.__traceback__ = kept
    return error


def sent_to_a_tracker(error: BaseException) -> str:
    """What Sentry's client at its defaults sends."""
    events: list[Any] = []

    def keep(event: Any, hint: Any) -> None:
        events.append(event)

    client = sentry_sdk.Client(dsn="http://public@localhost/1", before_send=keep, default_integrations=False)
    with sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        scope.capture_exception(error)
    (event,) = events
    return json.dumps(event, default=repr)


def check(error: BaseException) -> None:
    assert leaks(error) == {}
    error = without_this_file(error)
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert seen_in(told) == set()
    assert seen_in(sent_to_a_tracker(error)) == set()


# --- the errors -------------------------------------------------------------------------------------------------------


class Unusable:
    """What a session cannot carry."""


def in_a_session() -> None:
    session["when"] = {1, 2}
    session["what"] = Unusable()


def plain_in_a_session() -> None:
    session["name"] = PLAIN
    session["when"] = {1, 2}


def with_a_key_of_another_type() -> None:
    session.update({PLAIN: PLAIN, (1, 2): PLAIN})  # type: ignore[dict-item] # the error


def with_a_wrong(setting: str, value: object) -> Callable[[], None]:
    def view() -> None:
        session.update(name=PLAIN, _permanent=True)
        tuile.current_app.config[setting] = value

    return view


def refusing() -> None:
    def refused(one: object) -> bool:
        del one  # the application's own variable
        message = "the list of ended sessions cannot be reached"
        raise OSError(message)

    app: Any = tuile.current_app._get_current_object()  # type: ignore[attr-defined] # the proxy's
    app.session_refused = refused
    with app.test_request_context(headers={"Cookie": f"session={SESSION}"}):
        session.get("name")


def in_a_lasting_session() -> None:
    session.permanent = True
    in_a_session()


def with_the_key_removed() -> None:
    session["n"] = 1
    tuile.current_app.config["SECRET_KEY"] = None


def of_its_own() -> float:
    session["n"] = 1
    cookies.signed.set("n", "1")
    ring().derive("my-extension")
    return 1 / 0


def with_an_unknown_mode() -> None:
    tuile.current_app.config["COOKIE_CHECKS"] = "loud"


class OtherDerivation(SecureCookieSessionInterface):
    key_derivation = "nonsense"


class RefusedDigest(SecureCookieSessionInterface):
    @staticmethod
    def digest_method(_: bytes = b"") -> Any:
        message = "disabled for FIPS"
        raise ValueError(message)


class OtherSalt(SecureCookieSessionInterface):
    salt = "p"


class BadSerializer:
    def dumps(self, value: object) -> str:
        message = "not today"
        raise RuntimeError(message)

    loads = dumps


class OtherSerializer(SecureCookieSessionInterface):
    serializer: Any = BadSerializer()


def ring() -> KeyRing:
    made: KeyRing = tuile.current_app.keyring
    return made


TOKEN = KeyRing(KEY).sign("p", "what a signed token holds can be read by anybody", now=NOW, expires=NOW + 1)
BOX = KeyRing(KEY).encrypt("p", PLAIN, now=NOW, expires=NOW + 1)
FORMER_BOX = KeyRing(FORMER).encrypt("p", PLAIN, now=NOW, expires=NOW + 1)

SESSION = KeyRing(KEY).encrypt("session cookie-session", json.dumps({"name": PLAIN}), now=time.time(), name="session")

SENT = "; ".join(
    (
        "plain=nonsense",
        f"expired={KeyRing(KEY).encrypt('cookie', PLAIN, now=NOW, name='expired', expires=NOW + 1)}",
        f"typed={KeyRing(KEY).encrypt('cookie', PLAIN, now=NOW, name='typed')}",
        f"moved={KeyRing(KEY).encrypt('cookie', PLAIN, now=NOW, name='another')}",
    )
)

# What a view does, and the settings it does it with.
IN_A_REQUEST: dict[str, tuple[Callable[[], object], dict[str, Any]]] = {
    "a session that is not JSON": (in_a_session, {}),
    "the same, encrypted": (in_a_session, {"SESSION_ENCRYPT": True}),
    "the same, with SHA-256": (in_a_session, {"SESSION_DIGEST": "sha256"}),
    "the same, without former keys": (in_a_session, {"SECRET_KEY_FALLBACKS": None}),
    "the same, permanent": (in_a_lasting_session, {}),
    "a value of a session beside one that is not JSON": (plain_in_a_session, {}),
    "the same, encrypted with it": (plain_in_a_session, {"SESSION_ENCRYPT": True}),
    "a key of a session": (with_a_key_of_another_type, {}),
    "a key of an encrypted session": (with_a_key_of_another_type, {"SESSION_ENCRYPT": True}),
    "too long a session": (lambda: session.update(name=PLAIN * 20_000), {}),
    "too long an encrypted session": (lambda: session.update(name=PLAIN * 20_000), {"SESSION_ENCRYPT": True}),
    "a session in a session": (lambda: session.update(name=PLAIN, again=session), {}),
    "a path": (with_a_wrong("SESSION_COOKIE_PATH", "a;b"), {"SESSION_ENCRYPT": True}),
    "a lifetime": (with_a_wrong("PERMANENT_SESSION_LIFETIME", "long"), {}),
    "an absolute lifetime": (with_a_wrong("SESSION_ABSOLUTE", "long"), {"SESSION_ENCRYPT": True}),
    "the kinds": (with_a_wrong("SESSION_READS", "all"), {}),
    "whether a session is refused": (refusing, {}),
    "an encrypted cookie's max_age": (lambda: cookies.encrypted.set("n", PLAIN, max_age="x"), {}),  # type: ignore[arg-type]
    "an encrypted cookie's long max_age": (lambda: cookies.encrypted.set("n", PLAIN, max_age=float("nan")), {}),  # type: ignore[arg-type]
    "an encrypted cookie's expires": (lambda: cookies.encrypted.set("n", PLAIN, expires="soon"), {}),
    "an encrypted cookie's far expires": (lambda: cookies.encrypted.set("n", PLAIN, expires=10**30), {}),
    "an encrypted cookie's path": (lambda: cookies.encrypted.set("n", PLAIN, path="a;b"), {}),
    "an unknown digest": (lambda: session.get("n"), {"SESSION_DIGEST": "md4"}),
    "an unknown digest, writing": (lambda: session.update(n=1), {"SESSION_DIGEST": "md4"}),
    "no key": (lambda: session.update(n=1), {"SECRET_KEY": None}),
    "no key for a signed cookie": (lambda: cookies.signed.set("n", PLAIN), {"SECRET_KEY": None}),
    "the key removed meanwhile": (with_the_key_removed, {}),
    "a cookie's name": (lambda: cookies.encrypted.set("a;b", "value"), {}),
    "a cookie's domain": (lambda: cookies.signed.set("n", "value", domain="a;b"), {}),
    "a cookie that is no text": (lambda: cookies.encrypted.set("n", PLAIN.encode()), {}),  # type: ignore[arg-type]
    "a cookie that cannot be encoded": (lambda: cookies.encrypted.set("n", PLAIN + "\ud800"), {}),
    "a session cookie's domain": (lambda: session.update(n=1), {"SESSION_COOKIE_DOMAIN": "a;b"}),
    "a missing signed cookie": (lambda: cookies.signed["missing"], {}),
    "a bad signed cookie": (lambda: cookies.signed["plain"], {}),
    "an expired encrypted cookie": (lambda: cookies.encrypted["expired"], {}),
    "an encrypted cookie of another name": (lambda: cookies.encrypted["moved"], {}),
    "a tampered token": (lambda: ring().verify("p", TOKEN[:-2] + "AA", now=NOW), {}),
    "a token of another purpose": (lambda: ring().decrypt("cookie", BOX, now=NOW), {}),
    "an expired signed token": (lambda: ring().verify("p", TOKEN, now=NOW + 5), {}),
    "an expired encrypted token": (lambda: ring().decrypt("p", BOX, now=NOW + 5), {}),
    "a token that is too old": (lambda: ring().decrypt("p", BOX, now=NOW + 0.5, max_age_s=-1), {}),
    "a token of a former key, expired": (lambda: ring().decrypt("p", FORMER_BOX, now=NOW + 5), {}),
    "a token of a retired key": (
        lambda: ring().decrypt("p", FORMER_BOX, now=NOW),
        {"SECRET_KEY_RETIRED": [key_id(FORMER)]},
    ),
    "a token of an unknown key": (lambda: ring().decrypt("p", FORMER_BOX, now=NOW), {"SECRET_KEY_FALLBACKS": None}),
    "no token": (lambda: ring().verify("p", "nonsense", now=NOW), {}),
    "too long a key": (lambda: ring().derive("my-extension", 10**6), {}),
    "too long keys": (lambda: ring().derive_all("my-extension", 0), {}),
    "a value that is no text": (lambda: ring().encrypt("p", PLAIN.encode(), now=NOW), {}),  # type: ignore[arg-type]
    "a value that cannot be encoded": (lambda: ring().encrypt("p", PLAIN + "\ud800", now=NOW), {}),
    "the same, signed": (lambda: ring().sign("p", PLAIN + "\ud800", now=NOW), {}),
    "a name that is none": (lambda: ring().sign("p", "value", now=NOW, name=7), {}),  # type: ignore[arg-type]
    "a time that is none": (lambda: ring().encrypt("p", "value", now="now"), {}),  # type: ignore[arg-type]
    "a view's own error": (of_its_own, {}),
    "kinds that are not read": (lambda: session.get("n"), {"SESSION_READS": ["md5"]}),
    "kinds that are no list": (lambda: session.get("n"), {"SESSION_READS": "sha1"}),
    "the same, writing": (lambda: session.update(n=1), {"SESSION_READS": "sha1"}),
    "a lifetime that is none": (lambda: session.update(n=1), {"SESSION_ABSOLUTE": "soon"}),
    "a session that is too long": (lambda: session.update(n="long" * 100_000), {}),
    "the same, encrypted and too long": (lambda: session.update(n="long" * 100_000), {"SESSION_ENCRYPT": True}),
    "an end that is no date": (lambda: cookies.encrypted.set("n", PLAIN, expires="soon"), {}),
    "a life that is none": (lambda: cookies.encrypted.set("n", PLAIN, max_age="long"), {}),  # type: ignore[arg-type]
    "an unknown checks mode": (with_an_unknown_mode, {}),
}


def new_app(**config: Any) -> tuile.Flask:
    app = tuile.Flask("app", static_folder=None)
    app.config.update({**CONFIG, **config})
    return app


def raised_by(action: Callable[[], object]) -> BaseException:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the subject
        return error
    pytest.fail("nothing was raised")


def requested(app: tuile.Flask, view: Callable[[], object]) -> BaseException:
    if "view" not in app.view_functions:
        app.add_url_rule("/", "view", lambda: (view(), "an answer")[1])
    try:
        return raised_by(lambda: app.test_client(use_cookies=False).get("/", headers={"Cookie": SENT}))
    finally:
        app.config.pop("COOKIE_CHECKS")


@pytest.mark.parametrize("name", IN_A_REQUEST)
def test_an_error_in_a_request_shows_no_key_and_no_value(name: str) -> None:
    view, config = IN_A_REQUEST[name]
    app = new_app(**config)
    check(requested(app, view))


DECLARATIONS: dict[str, tuple[dict[str, Any], Any]] = {
    "octets": ({}, PLAIN.encode()),
    "half of a pair": ({}, PLAIN + "\ud800"),
    "none of the choices": ({"choices": ["a", "b"]}, PLAIN),
    "no number": ({"type": int}, PLAIN),
    "not JSON": ({"type": dict}, {"name": PLAIN, "when": {1, 2}}),
    "JSON of another type": ({"type": list}, PLAIN),
}


@pytest.mark.parametrize("name", DECLARATIONS)
@pytest.mark.parametrize("config", [{}, {"SECRET_KEY": None}], ids=["a key", "no key"])
def test_an_error_of_a_declared_cookie_shows_no_value(name: str, config: dict[str, Any]) -> None:
    app = new_app(**config)
    declared = app.cookie("n", encrypted=True, **DECLARATIONS[name][0])
    check(requested(app, lambda: declared.set(DECLARATIONS[name][1])))


def test_a_declared_cookie_that_cannot_be_set_or_read_shows_no_value() -> None:
    app = new_app(SECRET_KEY=None)
    without_key = app.cookie("n", encrypted=True)
    check(requested(app, lambda: without_key.set(PLAIN)))
    app = new_app()
    number = app.cookie("typed", type=int, encrypted=True, invalid="error")
    check(requested(app, number.get))


def test_the_frames_of_the_application_stay_in_a_traceback() -> None:
    def own_tag() -> str:
        message = "the tag of the application"
        raise RuntimeError(message)

    class Own(SecureCookieSessionInterface):
        def should_set_cookie(self, *_: Any) -> bool:
            return bool(own_tag())

    app = new_app()
    app.session_interface = Own()
    error = requested(app, lambda: session.update(name=PLAIN))
    names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert names[-3:] == ["_keep_state", "should_set_cookie", "own_tag"]
    assert names.count("_keep_state") == 1


INTERFACES: dict[str, tuple[type[SecureCookieSessionInterface], Callable[[], object]]] = {
    "another salt": (OtherSalt, in_a_session),
    "an unknown derivation": (OtherDerivation, lambda: session.update(n=1)),
    "a digest that is refused": (RefusedDigest, lambda: session.update(n=1)),
    "a serializer that fails": (OtherSerializer, lambda: session.update(n=1)),
}


@pytest.mark.parametrize("name", INTERFACES)
@pytest.mark.parametrize("config", [{}, {"SESSION_ENCRYPT": True}], ids=str)
def test_an_error_of_an_interface_of_ones_own_shows_no_key(name: str, config: dict[str, Any]) -> None:
    kind, view = INTERFACES[name]
    app = new_app(**config)
    app.session_interface = kind()
    app.add_url_rule("/", "view", lambda: (view(), "an answer")[1])
    try:
        app.test_client().get("/", headers={"Cookie": "session=eyJuIjoxfQ.aQAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    except Exception as error:  # noqa: BLE001 - some combinations are fine
        check(error)
    else:
        assert config


WRONG_SETTINGS: dict[str, dict[str, Any]] = {
    "a list as the key": {"SECRET_KEY": [KEY]},
    "a mapping as the key": {"SECRET_KEY": {"key": KEY}},
    "a bytearray as the key": {"SECRET_KEY": bytearray(KEY.encode())},
    "a key that cannot be encoded": {"SECRET_KEY": KEY + "\ud800"},
    "one former key": {"SECRET_KEY_FALLBACKS": FORMER},
    "one former key as bytes": {"SECRET_KEY_FALLBACKS": FORMER.encode()},
    "former keys in a mapping": {"SECRET_KEY_FALLBACKS": {"former": FORMER}},
    "former keys of an iterator": {"SECRET_KEY_FALLBACKS": iter([FORMER])},
    "a former key of another type": {"SECRET_KEY_FALLBACKS": [FORMER, bytearray(FORMER.encode())]},
    "a former key that cannot be encoded": {"SECRET_KEY_FALLBACKS": [FORMER, FORMER + "\ud800"]},
    "the key as its id": {"SECRET_KEY_RETIRED": [KEY]},
    "the key as the ids": {"SECRET_KEY_RETIRED": KEY},
    "the key in bytes as its id": {"SECRET_KEY_RETIRED": [KEY.encode()]},
    "the retired key": {"SECRET_KEY_RETIRED": [key_id(KEY)]},
    "a key that can be guessed": {"SECRET_KEY_CHECKS": "error", "SECRET_KEY_FALLBACKS": [FORMER, "hunter2"]},
    "an unknown mode": {"SECRET_KEY_CHECKS": "loud"},
}


@pytest.mark.parametrize("setting", WRONG_SETTINGS)
def test_an_error_of_a_setting_shows_no_key(setting: str) -> None:
    config = WRONG_SETTINGS[setting]
    actions: list[Callable[[tuile.Flask], object]] = [
        lambda app: requested(app, lambda: session.get("n")),
        lambda app: raised_by(lambda: app.keyring),
        lambda app: raised_by(lambda: check_keys(app)),
        lambda app: raised_by(lambda: SecureCookieSessionInterface().get_signing_serializer(app)),
    ]
    for action in actions:
        error = action(new_app(**config))
        assert isinstance(error, BaseException)
        check(error)
    app = new_app()
    app.add_url_rule("/", "view", lambda: str(session.get("n")))
    app.test_client().get("/")
    app.config.update(config)
    check(requested(app, in_a_session))


MISUSES: dict[str, Callable[[], object]] = {
    "an empty key": lambda: KeyRing(KEY, [FORMER, ""]),
    "a key of another type": lambda: KeyRing(KEY, [FORMER, None]),  # type: ignore[list-item]
    "one former key": lambda: KeyRing(KEY, FORMER),
    "former keys that are none": lambda: KeyRing(KEY, 7),  # type: ignore[arg-type]
    "a retired key": lambda: KeyRing(KEY, [FORMER], [key_id(FORMER)]),
    "the key as its id": lambda: KeyRing(KEY, [FORMER], [KEY]),
    "the key as the ids": lambda: KeyRing(KEY, [FORMER], KEY),
    "text to derive from": lambda: hkdf(KEY),  # type: ignore[arg-type]
    "too long a key": lambda: hkdf(KEY.encode(), length=10**6),
    "an info that is none": lambda: hkdf(KEY.encode(), info="text"),  # type: ignore[arg-type]
    "a salt that is none": lambda: hkdf(KEY.encode(), salt="text"),  # type: ignore[arg-type]
    "a length that is none": lambda: hkdf(KEY.encode(), length="32"),  # type: ignore[arg-type]
    "an id of a key of another type": lambda: key_id([KEY]),  # type: ignore[arg-type]
    "an id of a key that cannot be encoded": lambda: key_id(KEY + "\ud800"),
    "a signer with one key": lambda: TimedSigner(KEY, "p", "sha1"),
    "a signer with an unknown digest": lambda: TimedSigner([FORMER, KEY], "p", "md44").sign(b"value", NOW),
    "a signer with a key of another type": lambda: TimedSigner([KEY, None], "p", "sha1"),  # type: ignore[list-item]
    "a signer with an unencodable key": lambda: TimedSigner([KEY, KEY + "\ud800"], "p", "sha1"),
    "a signature that does not fit": lambda: TimedSigner([FORMER, KEY], "p", "sha1").unsign(b"a.b." + b"A" * 27, NOW),
    "a signature without a time": lambda: TimedSigner([KEY], "p", "sha1").unsign(signed_without_a_time(), NOW),
    "a time that is too old": lambda: (made := TimedSigner([KEY], "p", "sha1")).unsign(
        made.sign(b"v", NOW), NOW + 9, 1
    ),
    "text that is not packed": lambda: unpack(base64.urlsafe_b64encode(PLAIN.encode() + b"\xff").rstrip(b"=")),
}


def signed_without_a_time() -> bytes:
    derived = hmac.digest(KEY.encode(), b"p", "sha1")
    return b"value." + base64.urlsafe_b64encode(hmac.digest(derived, b"value", "sha1")).rstrip(b"=")


@pytest.mark.parametrize("misuse", MISUSES)
def test_an_error_of_a_ring_or_a_signer_shows_no_key(misuse: str) -> None:
    check(raised_by(MISUSES[misuse]))


def test_nothing_shows_when_cryptography_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    actual = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return actual(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    views: list[tuple[Callable[[], object], dict[str, Any]]] = [
        (lambda: cookies.encrypted.set("n", PLAIN), {}),
        (lambda: cookies.encrypted.get("expired"), {}),
        (lambda: ring().encrypt("p", PLAIN, now=NOW), {}),
        (lambda: ring().decrypt("p", BOX, now=NOW), {}),
        (lambda: session.update(n=1), {"SESSION_ENCRYPT": True}),
    ]
    for view, config in views:
        check(requested(new_app(**config), view))


def test_what_holds_keys_is_not_shown_and_not_pickled() -> None:
    app = new_app()
    app.add_url_rule("/", "view", lambda: str(session.get("n")))
    app.test_client().get("/")
    made = app.keyring
    held: list[object] = [
        made,
        *made._keys,
        *keys_of(app),
        *(value for name, value in vars(app).items() if name.startswith("_kept")),
        *(getattr(value, "signer", None) for name, value in vars(app).items() if name == "_kept_signer"),
    ]
    assert len(held) > 6
    for value in held:
        assert seen_in(repr(value) + str(value) + f"{value}") == set()
        assert seen_in(pickled(value)) == set()
    assert seen_in(repr(app) + repr(app.config) + str(app.config)) == set()
    assert app.config["SECRET_KEY"] == KEY


def test_a_secret_is_not_pickled_and_copied_as_itself() -> None:
    secret = Secret(KEY.encode())
    assert repr(secret) == str(secret) == "<Secret>"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(secret, protocol)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    assert secret == Secret(KEY.encode()) != Secret(FORMER.encode())
