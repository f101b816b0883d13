"""Users of an application with Flask-Session stay logged in when it moves to `tuile.sessions.Session`."""

from __future__ import annotations

import os
import pickle
import random
import sys
import warnings
from datetime import datetime, timedelta, timezone
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import flask
import pytest

import tuile
from tests.beside_flask import make_environ, send
from tests.fresh import run
from tests.stores.site import Watched
from tuile.sessions import Session, flask_session_stores
from tuile.sessions.stores import StoreUnavailable
from tuile.sessions.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest.importorskip("flask_session")
NullPool = pytest.importorskip("sqlalchemy").pool.NullPool

KEY = "7a3c1f0a9d5e4b2c8f6071d2e3b4a5968778695a4b3c2d1e0f"
KINDS = ["redis", "redis-json", "sqlalchemy", "sqlalchemy-postgresql", "cachelib", "filesystem"]


class Site:
    """An application, on Flask with Flask-Session or on Tuile, that does what a test wants."""

    def __init__(self, lib: Any, extension: Any, config: dict[str, Any], database: str | None = None) -> None:
        self.lib = lib
        self.app = lib.Flask("site", static_folder=None)
        self.app.config.update(SECRET_KEY=KEY, **config)
        if database is not None and lib is tuile:
            # Flask-SQLAlchemy is Flask's in this process.
            engine = import_module("sqlalchemy").create_engine(database, poolclass=NullPool)
            self.app.config["SESSION_SQLALCHEMY"] = SimpleNamespace(engine=engine)
        elif database is not None:
            self.app.config["SQLALCHEMY_DATABASE_URI"] = database
            self.app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"poolclass": NullPool}
            self.app.config["SESSION_SQLALCHEMY"] = import_module("flask_sqlalchemy").SQLAlchemy(self.app)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            extension(self.app)
        self.app.add_url_rule("/", "view", self._view)
        self._views: list[Callable[[], Any]] = []
        self._results: list[Any] = []

    def _view(self) -> str:
        self._results.append(self._views.pop()())
        return "done"

    def ask(self, view: Callable[[Any], Any], cookie: str | None = None) -> tuple[Any, str | None]:
        """Send a request with a cookie; what the view returned, and the cookie that is there afterwards."""
        self._views.append(lambda: view(self.lib.session))
        answer = send(self.app, make_environ("/", **({"HTTP_COOKIE": f"session={cookie}"} if cookie else {})))
        assert answer.code == 200, answer
        lines = [value for name, value in answer.headers if name == "Set-Cookie"]
        return self._results.pop(), lines[-1].partition(";")[0].partition("=")[2] if lines else cookie


@pytest.fixture(params=KINDS)
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The settings of Flask-Session, with another place for each test."""
    kind, _, form = request.param.partition("-")
    found: dict[str, Any] = {"SESSION_TYPE": kind}
    client = None
    if kind == "redis":
        client = import_module("redis").Redis.from_url(request.getfixturevalue("redis_url"), socket_timeout=30)
        client.flushdb()
        found.update(SESSION_REDIS=client, SESSION_SERIALIZATION_FORMAT=form or "msgpack", SESSION_TIMEOUT=30)
    elif kind == "cachelib":
        found["SESSION_CACHELIB"] = import_module("cachelib.file").FileSystemCache(str(tmp_path / "cache"))
    elif kind == "filesystem":
        found["SESSION_FILE_DIR"] = str(tmp_path / "files")
    yield found
    if client is not None:
        client.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, config: dict[str, Any], tmp_path: Path) -> str | None:
    if config["SESSION_TYPE"] != "sqlalchemy":
        return None
    if "postgresql" in request.node.callspec.id:
        return str(request.getfixturevalue("postgres_url")).replace("postgresql:", "postgresql+psycopg:")
    return f"sqlite:///{tmp_path / 'app.db'}"


@pytest.fixture
def old(config: dict[str, Any], database: str | None) -> Site:
    return Site(flask, import_module("flask_session").Session, config, database)


@pytest.fixture
def new(config: dict[str, Any], database: str | None, tmp_path: Path) -> Site:
    config = dict(config)
    if config["SESSION_TYPE"] != "redis":
        config["SESSION_STORE"] = f"sqlite:///{tmp_path / 'sessions.db'}"
    return Site(tuile, Session, config, database)


def whole(session: Any) -> dict[str, Any]:
    return dict(session)


def writing(**content: Any) -> Callable[[Any], None]:
    return lambda session: session.update(content)


CONTENT = {"_user_id": "ada", "basket": [1, {"x": 2.5}], "é": None, "long": 2**60, "minus": -7, "text": "x" * 70_000}


def test_a_session_of_flask_session_is_read_and_moved_when_it_changes(old: Site, new: Site) -> None:
    new.app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    _, sid = old.ask(writing(**CONTENT))
    assert sid
    content, cookie = new.ask(whole, sid)
    assert (content, cookie) == ({**CONTENT, "_permanent": True}, sid)
    _, cookie = new.ask(lambda session: session["basket"].append(3), sid)
    assert cookie
    assert sid not in cookie
    basket = [1, {"x": 2.5}, 3]
    assert new.ask(whole, cookie)[0] == {**CONTENT, "basket": basket, "_permanent": True}
    # The former entry was only read.
    assert old.ask(whole, sid)[0] == {**CONTENT, "_permanent": True}
    # And leads to the session that it has become.
    assert new.ask(whole, sid)[0]["basket"] == basket


def test_a_permanent_session_is_moved_at_its_first_use(old: Site, new: Site) -> None:
    _, sid = old.ask(writing(x=1))
    content, cookie = new.ask(whole, sid)
    assert content == {"x": 1, "_permanent": True}
    assert cookie != sid
    assert new.ask(whole, cookie)[0] == content


def test_a_former_id_is_nothing_after_the_logout(old: Site, new: Site) -> None:
    _, sid = old.ask(writing(_user_id="ada"))
    _, cookie = new.ask(writing(x=1), sid)
    _, cookie = new.ask(lambda session: session.clear(), cookie)
    assert cookie == ""
    assert new.ask(whole, sid)[0] == {}
    # Of one that was never moved as well.
    _, sid = old.ask(writing(_user_id="ada"))
    new.ask(lambda session: session.end(), sid)
    assert new.ask(whole, sid)[0] == {}


ENDS: dict[str, Callable[[Site, Any], Any]] = {
    "end": lambda site, session: session.end(),
    "clear": lambda site, session: session.clear(),
    "regenerate": lambda site, session: session.regenerate(),
    "another user": lambda site, session: session.update(_user_id="bob"),
    "end of a handle": lambda site, session: site.app.sessions.end(session.handle),
    "end all": lambda site, session: site.app.sessions.end_all("ada"),
}


# At once, a session has no handle yet.
@pytest.mark.parametrize(("end", "when"), [(end, "later") for end in ENDS] + [(end, "at once") for end in [*ENDS][:4]])
def test_flask_session_does_not_revive_a_session_that_has_ended(old: Site, new: Site, end: str, when: str) -> None:
    new.app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    _, sid = old.ask(writing(_user_id="ada"))
    _, other = old.ask(writing(_user_id="ada"))
    cookie = new.ask(writing(x=1), sid)[1] if when == "later" else sid
    new.ask(lambda session: ENDS[end](new, session), cookie)
    assert old.ask(whole, sid)[0].get("_user_id") is None
    assert new.ask(whole, sid)[0] == {}
    assert old.ask(whole, other)[0]["_user_id"] == "ada"


def test_the_other_sessions_of_a_user_end_in_flask_session_too(old: Site, new: Site) -> None:
    sids = [old.ask(writing(_user_id="ada"))[1] for _ in range(3)]
    cookies = [new.ask(writing(x=1), sid)[1] for sid in sids]
    assert new.ask(lambda session: new.app.sessions.end_others(), cookies[0])[0] == 2
    assert [old.ask(whole, sid)[0].get("_user_id") for sid in sids] == ["ada", None, None]
    assert [new.ask(whole, cookie)[0].get("_user_id") for cookie in cookies] == ["ada", None, None]


def test_a_former_place_that_does_not_answer_does_not_keep_a_user_logged_in(
    old: Site, new: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, sid = old.ask(writing(_user_id="ada"))
    _, cookie = new.ask(writing(x=1), sid)

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise StoreUnavailable("It is away.")

    monkeypatch.setattr(flask_session_stores, "_DELETERS", dict.fromkeys(flask_session_stores.READABLE_TYPES, refuse))
    assert new.ask(lambda session: session.end(), cookie)[1] == ""
    assert "It is away. The entry of a session that has ended is still there." in caplog.text
    assert new.ask(whole, cookie)[0] == {}
    assert new.ask(whole, sid)[0] == {}


def test_an_id_from_a_client_is_never_taken_over(new: Site) -> None:
    for planted in (
        "A" * 43,
        "0d7f2a36-8b2c-4b60-8c06-0f2e3d6f9a41",
        "A" * 22 + "." + "B" * 27,
        "../../etc/passwd",
        "é",
    ):
        content, cookie = new.ask(whole, planted)
        assert (content, cookie) == ({}, planted)
        _, cookie = new.ask(writing(x=1), planted)
        assert cookie
        assert planted not in cookie
        assert new.ask(whole, planted)[0] == {}


def test_a_login_gets_an_identity_that_the_former_id_does_not_lead_to(old: Site, new: Site) -> None:
    _, sid = old.ask(writing(basket=[1]))
    _, cookie = new.ask(writing(_user_id="ada"), sid)
    assert new.ask(whole, cookie)[0]["_user_id"] == "ada"
    assert new.ask(whole, sid)[0] == {}


def test_ids_that_are_signed_are_read(config: dict[str, Any], database: str | None, tmp_path: Path) -> None:
    config["SESSION_USE_SIGNER"] = True
    old = Site(flask, import_module("flask_session").Session, config, database)
    _, signed = old.ask(writing(x=1))
    assert signed
    store = MemoryStore()
    new = Site(tuile, Session, {**config, "SESSION_STORE": store}, database)
    assert new.ask(whole, signed)[0] == {"x": 1, "_permanent": True}
    sid = signed.partition(".")[0]
    assert new.ask(whole, sid)[0] == new.ask(whole, f"{sid}.{'A' * 27}")[0] == {}
    new.app.config.update(SECRET_KEY="another" * 9, SECRET_KEY_FALLBACKS=[KEY])
    assert new.ask(whole, signed)[0] == {"x": 1, "_permanent": True}


def test_an_expired_session_is_nothing(old: Site, new: Site, config: dict[str, Any], tmp_path: Path) -> None:
    if config["SESSION_TYPE"] == "redis":
        pytest.skip("Redis removes it")
    old.app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(days=-1)
    _, sid = old.ask(writing(x=1))
    assert new.ask(whole, sid)[0] == {}


def test_flask_sessions_names_are_there(new: Site) -> None:
    new.app.config["SESSION_ID_LENGTH"] = 16

    def view(session: Any) -> str:
        session["x"] = 1
        assert session.permanent
        return str(session.sid)

    assert new.ask(view)[0] == "None"
    _, cookie = new.ask(view)
    sid = new.ask(lambda session: session.sid, cookie)[0]
    assert cookie
    assert cookie.startswith(f"{sid}.")
    _, after = new.ask(new.app.session_interface.regenerate, cookie)
    assert after != cookie
    assert new.ask(whole, after)[0] == {"x": 1}
    assert new.ask(whole, cookie)[0] in ({"x": 1}, {})  # for a moment
    assert new.app.test_cli_runner().invoke(args=["session_cleanup"]).exit_code == 0


def test_a_session_is_permanent_unless_the_settings_say_otherwise(new: Site) -> None:
    _, cookie = new.ask(writing(x=1))
    assert new.ask(lambda session: session.permanent, cookie)[0] is True
    new.app.config["SESSION_PERMANENT"] = False
    assert new.ask(lambda session: session.permanent, cookie)[0] is False
    assert new.ask(whole, cookie)[0] == {"x": 1}


class User:
    def __init__(self, name: str) -> None:
        self.name, self.visits = name, 0
        self.cookie: str | None = None

    def ask(self, site: Site, view: Callable[[Any], Any]) -> Any:
        result, self.cookie = site.ask(view, self.cookie)
        return result


def visit(session: Any) -> int:
    session["visits"] = session.get("visits", 0) + 1
    return int(session["visits"])


@pytest.mark.parametrize("step", ["flask-session beside flask", "store beside flask-session"])
def test_half_of_the_processes_old_and_half_new(
    old: Site, new: Site, config: dict[str, Any], database: str | None, step: str
) -> None:
    if database is not None:
        pytest.skip("Flask-SQLAlchemy is Flask's in this process")
    store = new.app.config["SESSION_STORE"]
    both = Site(tuile, Session, {**config, "SESSION_STORE": store, "SESSION_WRITES": "flask-session"})
    processes = [old, both] if step.endswith("beside flask") else [both, new]
    choose = random.Random(5)
    users = [User(f"user{number}") for number in range(10)]
    for user in users:
        user.ask(choose.choice([old, *processes]), writing(_user_id=user.name))
    for _ in range(6):
        for user in choose.sample(users, len(users)):
            assert user.ask(choose.choice(processes), lambda session: session.get("_user_id")) == user.name
            user.visits += 1
            assert user.ask(choose.choice(processes), visit) == user.visits
    for user in users:
        user.ask(choose.choice(processes), lambda session: session.clear())
        assert [user.ask(one, whole).get("_user_id") for one in processes] == [None, None]


def test_a_session_that_was_moved_and_ended_is_not_read_where_it_was(
    old: Site, new: Site, config: dict[str, Any], database: str | None
) -> None:
    if database is not None:
        pytest.skip("Flask-SQLAlchemy is Flask's in this process")
    store = new.app.config["SESSION_STORE"]
    both = Site(tuile, Session, {**config, "SESSION_STORE": store, "SESSION_WRITES": "flask-session"})
    _, sid = old.ask(writing(_user_id="ada"))
    assert both.ask(whole, sid)[0]["_user_id"] == "ada"
    _, cookie = new.ask(writing(x=1), sid)
    # The response with the new cookie may have been lost.
    assert both.ask(whole, sid)[0] == {"_user_id": "ada", "x": 1, "_permanent": True}
    new.ask(lambda session: session.end(), cookie)
    assert both.ask(whole, sid)[0] == {}
    _, again = both.ask(writing(y=1), sid)
    assert both.ask(whole, again)[0].get("y") == 1


def test_without_the_store_a_process_beside_flask_session_says_503_where_the_session_is_used(
    old: Site, config: dict[str, Any], database: str | None
) -> None:
    if database is not None:
        pytest.skip("Flask-SQLAlchemy is Flask's in this process")
    store = Watched(MemoryStore())
    both = Site(tuile, Session, {**config, "SESSION_STORE": store, "SESSION_WRITES": "flask-session"})
    both.app.add_url_rule("/nothing", "nothing", lambda: "nothing")
    _, sid = old.ask(writing(_user_id="ada"))
    store.is_away = True
    both._views.append(lambda: tuile.session.get("_user_id"))
    environ = {"HTTP_COOKIE": f"session={sid}"}
    assert send(both.app, make_environ("/", **environ)).code == 503
    assert send(both.app, make_environ("/nothing", **environ)).code == 200
    store.is_away = False
    assert both.ask(whole, sid)[0]["_user_id"] == "ada"


# --- where new sessions are ---


def store_for(url: str) -> Any:
    app = tuile.Flask("site")
    client = SimpleNamespace(engine=SimpleNamespace(url=import_module("sqlalchemy").make_url(url)))
    app.config.update(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=client)
    Session(app)
    return app.config["SESSION_STORE"]


def test_new_sessions_are_where_flask_session_keeps_them_if_tuile_can() -> None:
    assert store_for("postgresql+psycopg2://u:p%40ss@db:5433/x?sslmode=require") == (
        "postgresql://u:p%40ss@db:5433/x?sslmode=require"
    )
    assert store_for("sqlite:///app.db") == "sqlite"
    with pytest.raises(ValueError, match="cannot be kept in mysql"):
        store_for("mysql://u:p@db/x")


def test_a_client_of_redis_says_where_sessions_are(redis_url: str) -> None:
    redis = import_module("redis").Redis
    for client, place in (
        (redis(host="h", port=7, password="secret", username="u", db=3), "Redis, h:7, keys session:site:*"),
        (redis(unix_socket_path="/run/redis.sock"), "Redis, /run/redis.sock, keys session:site:*"),
    ):
        app = tuile.Flask("site")
        app.config.update(SESSION_TYPE="redis", SESSION_REDIS=client)
        Session(app)
        assert app.sessions.describe() == place
        assert "secret" not in repr(app.config)
    app = tuile.Flask("site")
    app.config["SESSION_STORE"] = redis.from_url(redis_url, decode_responses=True)
    app.add_url_rule("/", "view", lambda: str(tuile.session.add("n")))
    client = app.test_client()
    assert [client.get("/").text for _ in range(3)] == ["1", "2", "3"]


def test_an_application_with_flask_sessions_default_place() -> None:
    app = tuile.Flask("site")
    app.config["SESSION_TYPE"] = "redis"
    Session(app)
    assert app.config["SESSION_STORE"] == "redis://localhost:6379"


# --- what is hostile --------------------------------------------------------------------------------------------------


exploded: list[str] = []


def explode(what: str) -> str:
    exploded.append(what)
    return what


class Bomb:
    def __reduce__(self) -> Any:
        return explode, ("boom",)


def hostile() -> dict[str, bytes]:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    laughs: Any = ["ha"] * 10
    for _ in range(12):
        laughs = [laughs] * 10
    endless: list[Any] = []
    endless.append(endless)
    return {
        "a call": pickle.dumps(Bomb()),
        "a call in a value": pickle.dumps({"x": Bomb()}),
        "an import": b"cos\nsystem\n(S'true'\ntR.",
        "a class": pickle.dumps({"x": datetime.now(timezone.utc)}),
        "an extension": b"\x80\x02\x82\x01.",
        "a persistent id": b"\x80\x02X\x01\x00\x00\x00xQ.",
        "many times the same": pickle.dumps({"x": laughs}),
        "within itself": pickle.dumps({"x": endless}),
        "a far place in the memo": b"\x80\x02}r\xff\xff\xff\xff.",
        "nothing on the stack": b"\x80\x02.",
        "too little on the stack": b"\x80\x02a.",
        "an unhashable key": b"\x80\x02}]]s.",
        "no end": b"\x80\x02}",
        "no dictionary": pickle.dumps([1]),
        "keys that are no text": pickle.dumps({1: 2}),
        "a huge number": pickle.dumps({"x": 10**6000}),
        "deep msgpack": b"\x81\xa1x" + b"\x91" * 100_000 + b"\xc0",
        "deep JSON": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "a false size": b"\x81\xa1x\xdd\xff\xff\xff\xff",
        "cut off": b"\x81\xa1x\xd9",
        "an unknown type": b"\x81\xa1x\xd4\x05\x00",
        "a moment beyond all calendars": b"\x81\xa1x\xc7\x0c\xff" + b"\x00" * 4 + b"\x7f" + b"\xff" * 7,
        "no text": b"\x81\xa1x\xa2\xff\xfe",
        "nothing": b"",
        "noise": bytes(range(256)),
    }


@pytest.fixture(params=hostile())
def raw(request: pytest.FixtureRequest) -> bytes:
    return hostile()[request.param]


SID = "A" * 43


def test_hostile_entries_read_as_empty_and_execute_nothing(raw: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    cache = import_module("cachelib.file").FileSystemCache(str(folder))
    config = {"SESSION_TYPE": "cachelib", "SESSION_CACHELIB": cache, "SESSION_STORE": MemoryStore()}
    new = Site(tuile, Session, config)
    for content in (b"\0\0\0\0" + raw, raw, raw[:3]):
        (folder / os.path.basename(cache._get_filename(f"session:{SID}"))).write_bytes(content)
        assert new.ask(whole, SID) == ({}, SID)
        assert new.ask(writing(x=1), SID)[0] is None
    assert exploded == []


def test_hostile_entries_in_redis(raw: bytes, redis_url: str) -> None:
    client = import_module("redis").Redis.from_url(redis_url, socket_timeout=30)
    client.flushdb()
    new = Site(tuile, Session, {"SESSION_TYPE": "redis", "SESSION_REDIS": client, "SESSION_STORE": MemoryStore()})
    client.set(f"session:{SID}", raw)
    assert new.ask(whole, SID) == ({}, SID)
    client.delete(f"session:{SID}")
    client.hset(f"session:{SID}", "x", "a key of another type")
    assert new.ask(whole, SID) == ({}, SID)
    client.close()
    assert exploded == []


def test_a_client_of_redis_that_decodes_answers(redis_url: str) -> None:
    redis = import_module("redis").Redis
    plain, decoding = redis.from_url(redis_url), redis.from_url(redis_url, decode_responses=True)
    config = {"SESSION_TYPE": "redis", "SESSION_TIMEOUT": 30}
    old = Site(flask, import_module("flask_session").Session, {**config, "SESSION_REDIS": plain})
    new = Site(tuile, Session, {**config, "SESSION_REDIS": decoding})
    _, sid = old.ask(writing(x=2**40, text="é" * 40))
    content, cookie = new.ask(whole, sid)
    assert content == {"x": 2**40, "text": "é" * 40, "_permanent": True}
    assert new.ask(whole, cookie)[0] == content
    plain.close()
    decoding.close()


def test_a_place_that_does_not_answer_logs_nobody_out() -> None:
    client = import_module("redis").Redis(port=1, socket_timeout=1)
    new = Site(tuile, Session, {"SESSION_TYPE": "redis", "SESSION_REDIS": client, "SESSION_STORE": MemoryStore()})
    new._views.append(lambda: dict(tuile.session))
    answer = send(new.app, make_environ("/", HTTP_COOKIE=f"session={SID}"))
    assert (answer.code, dict(answer.headers)["Retry-After"]) == (503, "5")
    client.close()


@pytest.mark.parametrize("kind", ["memcached", "mongodb", "dynamodb", "postcards", "null", None])
def test_what_cannot_be_read_is_an_error_that_says_what_to_do(kind: str | None) -> None:
    app = tuile.Flask("site")
    app.config["SESSION_TYPE"] = kind
    with pytest.raises(ValueError, match=r"SESSION_STORE|SESSION_TYPE must be one of"):
        Session(app)


# --- Flask-Session itself ---------------------------------------------------------------------------------------------

PROGRAM = (
    f"""
KEY = {KEY!r}
"""
    """import sys, warnings
warnings.simplefilter("ignore")
import tuile
from tuile import Flask, session
from flask_session import Session
from cachelib.file import FileSystemCache

app = Flask("site")
app.config.update(SECRET_KEY=KEY, SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(sys.argv[1]))
Session(app)

@app.get("/<int:n>")
def view(n):
    session["n"] = session.get("n", 0) + n
    return f"{session['n']} {type(session._get_current_object()).__module__} {session.sid}"

client = app.test_client()
answers = [client.get("/1").text.split() for _ in range(3)]
assert [answer[0] for answer in answers] == ["1", "2", "3"], answers
assert {answer[1] for answer in answers} == {"flask_session.cachelib.cachelib"}, answers
[sid] = {answer[2] for answer in answers}
assert client.get_cookie("session").value == sid
print("done")
"""
)


DATABASE = """
import sys, warnings
warnings.simplefilter("ignore")
import tuile
from tuile import Flask, session
from flask_sqlalchemy import SQLAlchemy

def new_app(extension):
    app = Flask("site")
    app.config.update(SECRET_KEY=KEY, SESSION_TYPE="sqlalchemy", SQLALCHEMY_DATABASE_URI=f"sqlite:///{sys.argv[1]}/app.db")
    app.instance_path = sys.argv[1]
    db = app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
    extension(app)

    class Row(db.Model):
        id = db.Column(db.Integer, primary_key=True)

    @app.get("/<name>")
    def view(name):
        db.session.add(Row())
        seen = dict(session)
        session[name] = 1
        db.session.rollback()
        return {**seen, "rows": Row.query.count()}

    with app.app_context():
        db.create_all()
    return app.test_client()

from flask_session import Session as FlaskSession
from tuile.sessions import Session
old, new = new_app(FlaskSession), new_app(Session)
old.get("/a")
sid = old.get_cookie("session").value
new.set_cookie("session", sid)
assert new.get("/b").json == {"_permanent": True, "a": 1, "rows": 0}
assert new.get_cookie("session").value != sid
assert new.get("/c").json == {"_permanent": True, "a": 1, "b": 1, "rows": 0}
assert old.get("/d").json == {"_permanent": True, "a": 1, "rows": 0}
assert new.application.sessions.describe() == f"SQLite, {sys.argv[1]}/sessions.db"
print("done")
"""


def test_sessions_in_the_database_of_flask_sqlalchemy_are_read_beside_its_session(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", f"KEY = {KEY!r}\n{DATABASE}", tmp_path])
    assert done.stdout.strip() == "done"


def test_flask_session_itself_runs_unchanged(tmp_path: Path) -> None:
    done = run([sys.executable, "-c", PROGRAM, tmp_path / "cache"])
    assert done.stdout.strip() == "done"
