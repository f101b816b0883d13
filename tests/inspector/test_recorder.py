"""What the inspector records of a request, and that the application does not notice it."""

from __future__ import annotations

import asyncio
import io
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.test import create_environ, run_wsgi_app

from tests.costs import entered
from tuile import Flask, Response, cookies, flash, make_response, render_template_string, request, session
from tuile.inspector import facts, instruments, watching
from tuile.inspector.recorder import WRAPPED, Recorder
from tuile.inspector.records import MOST_EVENTS, Recording, Ring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuile.inspector.records import Event

KEY = "0f3c9b1e7a5d48e2b6c1d0e9f8a7b6c5"


def make_app() -> Flask:
    app = Flask(__name__)
    app.secret_key = KEY
    theme = app.cookie("theme", default="light")

    @app.get("/")
    def index() -> Response:
        user = request.cookies.get("user")
        response = make_response(f"Hello {user}")
        response.set_cookie("user", "Alice")
        return response

    @app.get("/session")
    def change_session() -> str:
        session["visits"] = session.get("visits", 0) + 1
        session.setdefault("cart", []).append("plum")
        flash("saved")
        return f"{session['visits']} {theme.get()}"

    @app.get("/signed")
    def signed() -> str:
        read = cookies.signed.get("basket")
        cookies.signed.set("basket", "twelve plums")
        return str(read)

    @app.get("/template")
    def template() -> str:
        return render_template_string("\n{{ request.cookies['user'] }}{{ session.visits }}")

    @app.get("/stream")
    def stream() -> Iterator[str]:
        yield from ("one ", "two ", "three")

    @app.post("/form")
    def form() -> dict[str, str]:
        return {"name": request.form["name"]}

    @app.get("/error")
    def error() -> str:
        raise ValueError("the plums are gone")

    @app.get("/all")
    def everything() -> str:
        return f"{request.cookies!r} {sorted(request.cookies)} {dict(request.cookies)} {'a' in request.cookies}"

    return app


@pytest.fixture
def inspected() -> Iterator[tuple[Flask, Ring]]:
    app, ring = make_app(), Ring()
    recorder = Recorder(app, ring)
    yield app, ring
    recorder.close()


def events(found: Recording, what: str) -> list[Event]:
    return [event for event in found.events if event.what == what]


def test_what_the_view_read_and_set_is_recorded_with_its_line(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    client = app.test_client()
    assert client.get("/").text == "Hello None"
    assert client.get("/?page=2").text == "Hello Alice"
    first, second = ring.all()
    assert (first.method, first.path, first.status, first.endpoint) == ("GET", "/", 200, "index")
    assert (first.body_start, second.body_start, second.query) == ("Hello None", "Hello Alice", "page=2")
    assert not first.cookies
    assert [(one.name, str(one.value)) for one in second.cookies] == [("user", "Alice")]
    (read,), (write,) = events(first, "read"), events(first, "write")
    assert (read.where, read.name, str(read.after)) == ("request.cookies", "user", "None")
    assert str(events(second, "read")[0].after) == "Alice"
    assert (write.where, write.name, str(write.after)) == ("response", "user", "Alice")
    assert read.place is not None
    assert write.place is not None
    assert read.place.file.endswith("test_recorder.py")
    assert write.place.line == read.place.line + 2
    assert read.place.function.endswith("index")
    assert [one.line() for one in first.set_cookies] == ["user=Alice; Path=/"]


def test_changes_of_the_session_have_the_old_and_the_new_value(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    client = app.test_client()
    client.get("/session")
    client.get("/session")
    found = ring.all()[1]
    changed = {event.name: (str(event.before), str(event.after)) for event in events(found, "write")}
    assert changed["visits"] == ("1", "2")
    # What is changed inside a value, or by Tuile itself, is in the snapshots.
    after = found.snapshots[-1].session
    assert after is not None
    assert str(after["cart"]) == "['plum', 'plum']"
    assert "_flashes" in after
    assert any(event.where == "cookies" and event.name == "theme" for event in events(found, "read"))


def test_secrets_are_recorded_as_their_length_and_a_hash(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    client = app.test_client(use_cookies=False)
    client.get("/session")
    client.get("/signed")
    client.get("/signed", headers={"Cookie": "session=forged; api_token=hunter2"})
    for found in ring.all():
        kept = repr(vars(found))
        for secret in ("twelve plums", "hunter2", "forged"):
            assert secret not in kept
        for cookie in found.set_cookies:
            assert str(cookie.value).startswith(f"({cookie.octets} characters, hash ")
            assert len(cookie.line()) == len(cookie.name) + 1 + cookie.octets + len(cookie.attributes)


def test_a_line_of_a_template_is_the_line_of_its_source(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    app.test_client(use_cookies=False).get("/template", headers={"Cookie": "user=Alice"})
    (found,) = ring.all()
    assert [(event.name, event.place and event.place.line) for event in events(found, "read")] == [
        ("user", 2),
        ("visits", 2),
    ]
    assert found.times_ns["template"] > 0


def test_an_error_is_recorded_with_its_line(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    assert app.test_client().get("/error").status_code == 500
    (found,) = ring.all()
    (error,) = events(found, "error")
    assert (error.name, error.note) == ("ValueError", "the plums are gone")
    assert error.place is not None
    assert error.place.function.endswith("error")


def test_an_error_that_goes_to_the_server_ends_the_recording(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    app.testing = True
    with pytest.raises(ValueError, match="plums"):
        app.test_client().get("/error")
    assert [(found.status, found.endpoint, found.rule) for found in ring.all()] == [(500, "error", "/error")]


def test_a_stream_is_recorded_to_its_end(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    assert app.test_client().get("/stream").text == "one two three"
    (found,) = ring.all()
    assert (found.is_stream, found.body_length, found.body_start) == (True, 13, "one two three")


def test_a_form_is_recorded_if_the_view_has_read_it(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    app.test_client().post("/form", data={"name": "Ada"})
    app.test_client().post("/", data={"name": "Ada"})
    assert [found.form for found in ring.all()] == [[("name", "Ada")], None]


def test_operations_of_a_store_are_recorded() -> None:
    app, ring = make_app(), Ring()
    app.config["SESSION_STORE"] = "memory"
    recorder = Recorder(app, ring)

    @app.get("/add")
    def add() -> str:
        session.add("visits", 1)
        session["name"] = "Ada"
        return ""

    client = app.test_client()
    client.get("/add")
    client.get("/add")
    recorder.close()
    first, second = ring.all()
    assert [event.name for event in events(first, "store")] == ["Create"]
    assert [event.name for event in events(second, "store")] == ["Load", "Apply"]
    apply = events(second, "store")[1]
    assert "Merged with what other requests stored meanwhile: 'visits'" in apply.note
    assert apply.took_us is not None
    client.get("/add")
    assert len(ring.all()) == 2


def test_a_conflict_of_two_requests_is_recorded() -> None:
    app, ring = make_app(), Ring()
    app.config["SESSION_STORE"] = "memory"
    recorder = Recorder(app, ring)
    client = app.test_client()

    @app.get("/set/<value>")
    def set_value(value: str) -> str:
        assert value == "first" or session["color"]
        if value == "outer":
            client.get("/set/inner")
        session["color"] = value
        return ""

    client.get("/set/first")
    client.get("/set/outer")
    recorder.close()
    outer = next(found for found in ring.all() if found.path == "/set/outer")
    assert any("CONFLICT" in event.note and "'color'" in event.note for event in events(outer, "store"))
    assert any(event.name == "conflict" for event in events(outer, "session"))


PATHS = ["/", "/session", "/signed", "/template", "/stream", "/missing", "/all", "/static/none", "/error"]


def answer(app: Flask, path: str, method: str = "GET") -> tuple[bytes, str, list[tuple[str, str]]]:
    environ = create_environ(path, method=method, headers={"Cookie": "user=Bob; a=1; a=2; user=Eve"})
    body, status, headers = run_wsgi_app(app, environ, buffered=True)
    return b"".join(body), status, list(headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_answers_are_the_same_with_and_without_it(path: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    app = make_app()
    plain = [answer(app, path, method) for _ in range(2)]
    recorder = Recorder(app, Ring())
    recorded = [answer(app, path, method) for _ in range(2)]
    recorder.close()
    assert recorded == plain
    assert answer(app, path, method) == plain[0]


def test_closing_puts_everything_back() -> None:
    app = make_app()
    before = {name for name in vars(app) if name in WRAPPED}
    classes = [(cls, name, vars(cls).get(name)) for cls, name, _ in instruments.methods]
    recorders = [Recorder(app, Ring()), Recorder(make_app(), Ring())]
    assert [vars(cls).get(name) for cls, name, _ in classes] != [found for _, _, found in classes]
    for recorder in recorders:
        recorder.close()
    assert [vars(cls).get(name) for cls, name, _ in classes] == [found for _, _, found in classes]
    assert {name for name in vars(app) if name in WRAPPED} == before
    assert app.plan.fast


def functions_entered(app: Flask, environ: dict[str, Any]) -> list[str]:
    def start(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        return None

    return [getattr(code, "co_qualname", code.co_name) for code in entered(lambda: app(environ, start))]


def test_a_request_enters_the_same_functions_as_before_once_it_is_closed() -> None:
    app = make_app()
    for _ in range(30):
        run_wsgi_app(app, create_environ("/session"), buffered=True)
    before = functions_entered(app, create_environ("/session"))
    recorder = Recorder(app, Ring())
    during = functions_entered(app, create_environ("/session"))
    recorder.close()
    for _ in range(30):
        run_wsgi_app(app, create_environ("/session"), buffered=True)
    assert functions_entered(app, create_environ("/session")) == before
    assert len(during) > len(before)


def test_a_failing_recorder_does_not_reach_the_application(
    inspected: tuple[Flask, Ring], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app, _ = inspected

    def fails(*_: object, **__: object) -> Any:
        raise ZeroDivisionError

    for name in ("note_request", "note_start", "note_response", "take_snapshot", "note_end", "note_error"):
        monkeypatch.setattr(f"tuile.inspector.recorder.{name}", fails)
    for name in ("note_read", "_note_received", "_note_values", "_note_cookie"):
        monkeypatch.setattr(f"tuile.inspector.read_cookies.{name}", fails)
    for name in ("note_read", "_note_changes", "_note_key", "_note_opened", "observe_store"):
        monkeypatch.setattr(f"tuile.inspector.read_session.{name}", fails)
    monkeypatch.setattr(watching, "_reported", set())
    client = app.test_client()
    for _ in range(3):
        assert client.get("/").status_code == 200
        assert client.get("/session").status_code == 200
    assert 0 < len(caplog.records) < 15


@pytest.mark.parametrize(
    "cookie",
    [
        "a" * 1_000_000,
        f"a={'b' * 1_000_000}",
        "; ".join(f"n{number}=v" for number in range(20_000)),
        "<script>alert(1)</script>=<img src=x>",
        "na\xc3me=\xff\xfe\xfd",
        "=; ;;; =x; \x00=\x01",
        "session=" + "." * 5000,
    ],
)
def test_hostile_headers_are_cut_and_never_fail(inspected: tuple[Flask, Ring], cookie: str) -> None:
    app, ring = inspected
    for path in ("/all", "/session", "/signed"):
        environ = create_environ(path)
        environ["HTTP_COOKIE"] = cookie
        environ["HTTP_USER_AGENT"] = environ["QUERY_STRING"] = "\xff" * 1_000_000
        body, _, _ = run_wsgi_app(app, environ, buffered=True)
        assert list(body)
    assert len(ring.all()) == 3
    assert ring.bytes_kept() < 300_000


def test_binary_bodies_are_recorded_by_their_length(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    app.add_url_rule("/binary", view_func=lambda: Response(b"\xff\x00" * 5000, mimetype="image/png"))
    app.add_url_rule("/broken", "broken", view_func=lambda: Response(b"\xff\xfe plums"))
    app.test_client().get("/binary", buffered=True)
    app.test_client().get("/broken", buffered=True)
    binary, broken = ring.all()
    assert (binary.body_start, binary.body_length) == ("", 10_000)
    assert broken.body_start == "�� plums"


def test_the_ring_keeps_a_number_of_requests_and_of_bytes() -> None:
    ring = Ring(most=5, most_bytes=100_000)
    for number in range(20):
        found = Recording("WSGI")
        ring.begin(found)
        found.body_start = "x" * 10
        ring.add(found)
        assert found.id == number + 1
    assert [found.id for found in ring.all()] == [16, 17, 18, 19, 20]
    large = Recording("WSGI")
    ring.begin(large)
    large.json = "x" * 45_000
    ring.add(large)
    assert ring.bytes_kept() <= 100_000
    assert ring.all()[-1] is large
    assert len(ring.all()) < 5
    ring.clear()
    assert ring.bytes_kept() == 0


def test_two_hundred_requests_stay_below_two_megabytes(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    client = app.test_client(use_cookies=False)
    for _ in range(300):
        client.get("/session", headers={"Cookie": "; ".join(f"cookie{number}={'v' * 300}" for number in range(120))})
    assert ring.bytes_kept() <= 2 * 1024 * 1024
    assert 10 < len(ring.all()) <= 200


def test_events_of_one_request_are_limited(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected

    @app.get("/many")
    def many() -> str:
        for number in range(1000):
            request.cookies.get(f"cookie{number}")
        return ""

    app.test_client().get("/many")
    (found,) = ring.all()
    assert len(found.events) == MOST_EVENTS
    assert found.left_out == 1000 - MOST_EVENTS


def test_cookies_that_are_observed_behave_as_before(inspected: tuple[Flask, Ring]) -> None:
    app, _ = inspected

    @app.get("/behave")
    def behave() -> str:
        found = request.cookies
        assert isinstance(found, ImmutableMultiDict)
        assert type(pickle.loads(pickle.dumps(found))) is ImmutableMultiDict  # noqa: S301 - made here
        assert found == ImmutableMultiDict([("a", "1"), ("a", "2"), ("n", "5")])
        assert found.getlist("a") == ["1", "2"]
        assert found.get("n", type=int) == 5
        assert found.get("a", "7", type=str.upper) == "1"
        assert found.to_dict(flat=False) == {"a": ["1", "2"], "n": ["5"]}
        assert list(found.items(multi=True)) == [("a", "1"), ("a", "2"), ("n", "5")]
        assert found.copy()["a"] == "1"
        with pytest.raises(TypeError, match="immutable"):
            found["b"] = "2"
        with pytest.raises(KeyError):
            found["missing"]
        return "done"

    assert app.test_client(use_cookies=False).get("/behave", headers={"Cookie": "a=1; a=2; n=5"}).text == "done"


def test_the_client_sees_the_same_on_an_asgi_server(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected

    @app.get("/async")
    async def asynchronous() -> str:
        await asyncio.sleep(0)
        return f"Hello {request.cookies.get('user')}"

    @app.get("/pieces")
    async def pieces() -> Any:
        async def generate() -> Any:
            yield "one "
            yield "two"

        return generate()

    async def play() -> list[str]:
        client = app.async_test_client()
        return [(await client.get(path)).text for path in ("/", "/async", "/pieces")]

    assert asyncio.run(play()) == ["Hello None", "Hello Alice", "one two"]
    assert [(found.protocol, found.path, found.status) for found in ring.all()] == [
        ("ASGI", "/", 200),
        ("ASGI", "/async", 200),
        ("ASGI", "/pieces", 200),
    ]
    assert [str(event.after) for event in events(ring.all()[1], "read")] == ["Alice"]


def test_a_websocket_is_recorded(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    from tuile import websocket  # noqa: PLC0415 - few tests need it

    @app.websocket("/ws")
    async def talk() -> None:
        session["seen"] = request.cookies.get("user")
        while True:
            await websocket.send(await websocket.receive())

    client = app.test_client()
    client.set_cookie("user", "Alice")
    with client.websocket("/ws") as socket:
        socket.send("plum")
        assert socket.receive() == "plum"
    (found,) = ring.all()
    assert (found.protocol, found.path, found.status) == ("WebSocket", "/ws", 101)
    assert (found.messages_received, found.messages_sent) == (1, 1)
    assert [str(event.after) for event in events(found, "read")] == ["Alice"]


def test_set_cookie_lines_are_split_as_browsers_do() -> None:
    found = Recording("WSGI")
    parts = facts.set_cookie_of(found, "a = b=c ; Path=/; HttpOnly")
    assert (parts.name, str(parts.value), parts.attributes) == ("a", "b=c", "; Path=/; HttpOnly")
    assert facts.set_cookie_of(found, "alone").name == "alone"


def test_a_request_without_a_body_is_recorded(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    environ = create_environ("/", method="HEAD")
    environ["wsgi.input"] = io.BytesIO()
    run_wsgi_app(app, environ)
    assert ring.all()[0].method == "HEAD"


def test_values_of_an_encrypted_session_are_hidden() -> None:
    app, ring = make_app(), Ring()
    app.config["SESSION_ENCRYPT"] = True
    recorder = Recorder(app, ring)

    @app.get("/put")
    def put() -> str:
        session["fruit"] = "twelve plums"
        return str(session["fruit"])[:0]

    client = app.test_client()
    client.get("/put")
    client.get("/put")
    recorder.close()
    for found in ring.all():
        assert "twelve plums" not in repr(vars(found))
        assert "fruit" in repr(vars(found))


def test_what_an_error_handler_changes_is_in_the_snapshots(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected

    @app.errorhandler(ValueError)
    def handle(_: ValueError) -> str:
        session["handled"] = "yes"
        return "handled"

    assert app.test_client().get("/error").text == "handled"
    (found,) = ring.all()
    before, after = found.snapshots[:2]
    assert (before.step, before.session) == ("view", None)
    assert after.step == "response"
    assert after.session is not None
    assert str(after.session["handled"]) == "'yes'"


def test_a_value_of_another_type_is_a_change(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected

    @app.get("/flag/<int:is_on>")
    def flag(is_on: int) -> str:
        session["flag"] = bool(is_on)
        return ""

    @app.after_request
    def as_number(response: Response) -> Response:
        session["flag"] = int(session["flag"])
        return response

    app.test_client().get("/flag/1")
    (found,) = ring.all()
    values = [str(one.session["flag"]) for one in found.snapshots if one.session is not None]
    assert values[0] == "True"
    assert values[-1] == "1"


def test_values_that_are_shown_later_are_those_of_then(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    basket = ["plum"]

    @app.get("/basket")
    def keep() -> str:
        session["basket"] = basket
        session["note"] = "x" * 5000
        session["api_token"] = "hunter2"
        return ""

    app.test_client().get("/basket")
    assert "hunter2" not in repr([vars(found) for found, _ in ring._recordings])
    assert len(repr([vars(found) for found, _ in ring._recordings])) < 10_000
    basket.append("pear")
    (found,) = ring.all()
    assert [str(event.after) for event in events(found, "write") if event.name == "basket"] == ["['plum']"]
    session_then = found.snapshots[-1].session
    assert session_then is not None
    assert str(session_then["basket"]) == "['plum']"


def test_most_of_a_recording_is_made_when_it_is_shown(inspected: tuple[Flask, Ring]) -> None:
    app, ring = inspected
    app.test_client().get("/session")
    kept = ring._recordings[0][0]
    assert kept.kept_events
    assert [*kept.events, *kept.snapshots, *kept.path] == []
    (found,) = ring.all()
    assert found is kept
    assert [*kept.kept_events, *kept.kept_snapshots, *kept.kept_facts] == []
    counts = len(found.events), len(found.snapshots)
    ring.all()
    assert (len(found.events), len(found.snapshots)) == counts
    assert found.path == "/session"
