"""What a client sends costs time in proportion to its length, and is not kept."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import urllib.parse
import warnings
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

import tuile
import tuile.keys.ring
from tests.beside_flask import make_environ, make_post, send
from tests.costs import assert_time_is_linear, steps
from tuile.cookie.checks import findings
from tuile.exceptions import BadToken, CookieWarning
from tuile.http.cookies import dump_cookie, parse_cookie
from tuile.json.tag import TaggedJSONSerializer
from tuile.testing import Browser
from tuile.user_agent.dates import read_chromium_date, read_cookie_date
from tuile.user_agent.jar import Jar
from tuile.user_agent.sites import Sites, canonicalize_host, last_label, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def app_with_cookies() -> tuile.Flask:
    app = tuile.Flask("growth", static_folder=None, subdomain_matching=False)
    app.secret_key = "a key of the tests, which nobody need guess"
    app.config["COOKIE_CHECKS"] = "off"
    app.add_url_rule("/page/<path:rest>", "page", lambda rest: rest)
    app.add_url_rule("/", "index", lambda: tuile.request.cookies.get("x", ""))
    app.add_url_rule("/set", "set", lambda: write_cookies("set"))
    app.add_url_rule("/delete", "delete", lambda: write_cookies("delete"))
    app.add_url_rule("/form", "form", lambda: str(len(tuile.request.form)), methods=["POST"])
    app.add_url_rule("/args", "args", lambda: tuile.url_for("index", **tuile.request.args.to_dict()))
    app.add_url_rule("/json", "json", lambda: str(len(tuile.request.get_json(silent=True) or ())), methods=["POST"])
    app.cookie("declared", type=list)
    app.add_url_rule("/accept", "accept", lambda: str(tuile.request.accept_mimetypes.best))
    return app


def write_cookies(how: str) -> str:
    for name in tuile.request.args:
        if how == "set":
            tuile.cookies.set(name, "v")
        else:
            tuile.cookies.delete(name)
    return str(len(tuile.cookies))


def response_with(count: int, how: str) -> None:
    response = tuile.Response("x")
    for number in range(count):
        if how == "set":
            response.set_cookie(f"n{number}", "v")
        elif how == "again":
            response.set_cookie(f"n{number % 5}", "v")
        elif how == "between":
            response.set_cookie(f"n{number}", "v")
            response.headers.add("X-Between", "x")
        else:
            response.delete_cookie(f"n{number}")


APP = app_with_cookies()


def asked(path: str = "/", **environ: str) -> None:
    assert send(APP, make_environ(path, **environ)).code < 500


def names(count: int) -> str:
    return "&".join(f"n{number}=%C3%A9" for number in range(count))


READERS = (read_cookie_date, read_chromium_date)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
HERE = "https://www.example.org/"
RING = tuile.keys.ring.KeyRing("0d9f1c6be37a5e2481f7c4a96b3d8e52")


def jar_with(lines: Iterable[str], *, asked: bool = False) -> None:
    jar = Jar(public_suffixes=last_label)
    jar.receive(HERE, lines, now=NOW)
    if asked:
        jar.cookie_header(HERE, now=NOW)


def visited(path: str) -> None:
    browser = Browser(APP, public_suffixes=last_label)
    browser.visit(f"https://www.example.org{path}")
    browser.visit("https://www.example.org/")


def posted(body: bytes, kind: str, path: str = "/form") -> None:
    assert send(APP, make_post(body, kind, path)).code < 500


def nested(depth: int) -> Any:
    value: Any = ()
    for _ in range(depth):
        value = (value,)
    return value


def tagged(value: Any) -> None:
    serializer = TaggedJSONSerializer()
    serializer.loads(serializer.dumps(value))


def token_read(token: str) -> None:
    with suppress(BadToken):
        RING.verify("growth", token, now=0.0)


def checked(lines: Iterable[str], path: str = "/", **environ: str) -> None:
    with APP.test_request_context(path, environ_overrides=environ):
        request: Any = tuile.request._get_current_object()  # type: ignore[attr-defined] # a proxy
        findings(APP, request, list(lines))


def declared_read(value: str) -> None:
    with APP.test_request_context("/", environ_overrides={"HTTP_COOKIE": f"declared={value}"}):
        APP.declared_cookies["declared"].get()


PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'

GROWING: dict[str, Callable[[int], object]] = {
    "cookies set": lambda n: response_with(n, "set"),
    "cookies set again": lambda n: response_with(n, "again"),
    "cookies deleted": lambda n: response_with(n, "delete"),
    "cookies and other headers": lambda n: response_with(n, "between"),
    "the proxy's cookies set": lambda n: asked("/set", QUERY_STRING=names(n)),
    "the proxy's cookies deleted": lambda n: asked("/delete", QUERY_STRING=names(n)),
    # Their quoted forms are remembered, or are too many for that.
    "made-up names in a URL": lambda n: asked("/args", QUERY_STRING=names(n // 2)),
    "very many made-up names in a URL": lambda n: asked("/args", QUERY_STRING=names(8 * n)),
    "a long query": lambda n: asked("/args", QUERY_STRING="q=" + "%20%C3%A9" * n),
    "a long path": lambda n: asked("/page/" + "a/" * n),
    "a missing path": lambda n: asked("/nothing" + "/a" * n),
    "a host": lambda n: asked(HTTP_HOST="a." * n),
    "a host's labels": lambda n: asked(HTTP_HOST="a" * n),
    "received cookies": lambda n: asked(HTTP_COOKIE="; ".join(f"n{number}=v" for number in range(n))),
    "one cookie's name": lambda n: asked(HTTP_COOKIE="n=v; " * n),
    "quotes": lambda n: parse_cookie('a="' * n),
    "backslashes": lambda n: parse_cookie('a="' + "\\" * n + '"; ' * n),
    "semicolons": lambda n: parse_cookie(";" * n),
    "a session": lambda n: asked(HTTP_COOKIE="session=" + "a." * n),
    "media types": lambda n: asked("/accept", HTTP_ACCEPT=",".join(f"a/{number};q=0.5" for number in range(n))),
    "JSON": lambda n: posted(b"[" + b'{"a": [1, "\\u00e9"]}, ' * n + b"0]", "application/json", "/json"),
    "JSON that is none": lambda n: posted(b"[" * n, "application/json", "/json"),
    "a form": lambda n: posted(b"a%20=1&" * n, "application/x-www-form-urlencoded"),
    "a multipart form": lambda n: posted(PART * n + b"--x--", "multipart/form-data; boundary=x"),
    "a part": lambda n: posted(PART.replace(b"value", b"v\r\n" * n) + b"--x--", "multipart/form-data; boundary=x"),
    "a multipart form without an end": lambda n: posted(PART + b"\r\n-" * n, "multipart/form-data; boundary=x"),
    "tagged values": lambda n: tagged([(1, b"a", NOW)] * n),
    "tagged tuples within tuples": lambda n: tagged(nested(n // 4)),
    "tagged names": lambda n: tagged([{" t": 1}] * n),
    "tokens": lambda n: token_read("s1.00000000." + "A" * n),
    "tokens of dots": lambda n: token_read("s1.00000000" + ".A" * n),
    "signed tokens": lambda n: RING.verify("growth", RING.sign("growth", "a" * n, now=0.0), now=0.0),
    "a declared cookie": lambda n: declared_read("[" + "1\\054" * n),
    # Beyond as many as browsers keep.
    "cookies of one site": lambda n: jar_with((f"n{number}=v" for number in range(2 * n)), asked=True),
    "one cookie again": lambda n: jar_with(("n=v" for _ in range(n)), asked=True),
    "attributes": lambda n: jar_with(["a=b" + "; Path=/x; Domain=example.org; Max-Age=9" * n]),
    "dates": lambda n: jar_with(["a=b; Expires=" + "1 Jan 2070 0:0:0 " * n]),
    "sites": lambda n: [canonicalize_host("a." * n), canonicalize_host("\u00fc." * n)],
    "visits that set cookies": lambda n: visited(f"/set?{names(2 * n)}"),
    "cookies checked": lambda n: checked(f"n{number}=v; Secure" for number in range(n // 4)),
    "cookies that were sent, checked": lambda n: checked(["a=b"], HTTP_COOKIE="; ".join(f"n{i}=v" for i in range(n))),
    "a long path, checked": lambda n: checked(["a=b; Path=/" + "a/" * n], "/" + "a/" * n),
    "languages": lambda n: asked("/accept", HTTP_ACCEPT_LANGUAGE="a-b," * n),
}


@pytest.mark.parametrize("what", GROWING)
def test_steps_grow_as_the_input_does(what: str) -> None:
    run = GROWING[what]
    # As many as are measured: names that are remembered cost less the second time.
    for warm in (3, 100, 400):
        run(warm)
    one, two, four = (steps(lambda n=n: run(n)) for n in (100, 200, 400))  # type: ignore[misc] # bound at once
    # Twice the input adds at most twice what the first half added, but for what every request costs.
    assert four - two <= 2.2 * (two - one) + 200


# Text that is searched in one step of Python, however often it is gone over.
IN_ONE_STEP: dict[str, Callable[[int], object]] = {
    "Cookie of quotes": lambda n: parse_cookie('a="' * n + "é"),
    "Cookie of backslashes": lambda n: parse_cookie('a="' + "\\" * n + '";'),
    "Cookie of blanks": lambda n: parse_cookie('a="x"' + " " * n + "y"),
    **{
        f"Set-Cookie of {piece!r}": lambda n, piece=piece: Jar(public_suffixes=last_label).receive(  # type: ignore[misc] # bound at once
            HERE, ["a=b" + piece * n], now=NOW
        )
        for piece in ("a", ";", "=", "; ", ";a=", "; Path=/x", "; Domain=é", "; Expires=1 Jan 2070 0:0:0", "\t", "\xff")
    },
    **{
        f"date of {piece!r}": lambda n, piece=piece: [read(piece * n) for read in READERS]  # type: ignore[misc] # bound at once
        for piece in ("1", "1:", "jan", "-", "a", "1 ", "::", "Jan 1 ")
    },
    "a cookie's name": lambda n: dump_cookie("é" * n, "é" * n, path="/é" * n, now=0.0, max_size=0),
    "a host": lambda n: APP.url_map._accepts("a." * n),
    "a token": lambda n: token_read("s1.00000000." + "A." * n),
    "cookies set on one response": lambda n: response_with(n // 8, "set"),
    "cookies deleted on one response": lambda n: response_with(n // 8, "delete"),
    "cookies set between other headers": lambda n: response_with(n // 8, "between"),
}


@pytest.mark.parametrize("what", IN_ONE_STEP)
def test_one_step_takes_time_as_the_input_is_long(what: str) -> None:
    assert_time_is_linear(IN_ONE_STEP[what])


def kept_bytes(value: object, seen: set[int]) -> int:
    """Estimate the memory behind the containers of the maps, apps and modules of Tuile."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        size += sum(kept_bytes(item, seen) for pair in list(value.items()) for item in pair)
    elif isinstance(value, (list, tuple, set, frozenset)):
        size += sum(kept_bytes(item, seen) for item in list(value))
    return size


def everything_kept() -> int:
    """The size of every dict, list, set and cache of Tuile's modules, of the app and of its map."""
    seen: set[int] = set()
    total = kept_bytes(vars(APP), seen) + kept_bytes(vars(APP.url_map), seen)
    for name, module in list(sys.modules.items()):
        if name == "tuile" or name.startswith("tuile."):
            for value in list(vars(module).values()):
                # By type, because a proxy outside of a context has no class to say.
                if type(value) in {dict, list, set}:
                    total += kept_bytes(value, seen)
                elif type(value).__name__ == "_lru_cache_wrapper":
                    total += 200 * value.cache_info().currsize
    return total


KEPT: dict[str, Callable[[int], object]] = {
    "hosts": lambda n: asked(HTTP_HOST=f"{n}.example.org"),
    "long hosts": lambda n: asked(HTTP_HOST=f"{'a' * 60}." * 4 + f"{n}"),
    "hosts that are none": lambda n: asked(HTTP_HOST=f"{'a' * 500}{n}"),
    "paths": lambda n: asked(f"/page/{n}"),
    "missing paths": lambda n: asked(f"/nothing{n}"),
    "names in URLs": lambda n: asked("/args", QUERY_STRING=f"n{n}=1&m{n}=2"),
    "methods": lambda n: asked(REQUEST_METHOD=f"M{n}"),
    "cookies": lambda n: asked(HTTP_COOKIE=f"n{n}=v{n}; session=s{n}"),
    "cookies set": lambda n: asked("/set", QUERY_STRING=f"n{n}=1"),
    "schemes": lambda n: asked(wsgi_url_scheme=f"s{n}"),
}


def clients_text(number: int) -> str:
    """Return a text of its own for each number, the longer the higher the number."""
    return f"n{number}" + "x" * (number * 4)


# Whatever remembers something of a text, given texts that grow up to 16,000 characters.
REMEMBERING: dict[str, Callable[[str], object]] = {
    "names of cookies": lambda text: dump_cookie(text, now=0.0, max_size=0),
    "paths of cookies": lambda text: dump_cookie("a", path=f"/{text}", now=0.0, max_size=0),
    "domains of cookies": lambda text: dump_cookie(
        "a", domain=".".join(["a" * 50] * (len(text) // 50)), now=0.0, max_size=0
    ),
    "hosts": lambda text: asked(HTTP_HOST=text),
    "canonical hosts": canonicalize_host,
    "addresses": lambda text: parse_address(f"https://example.org/{text}"),
    "suffixes": Sites(last_label).registrable,
    "keys derived": RING.derive,
    "cookies checked": lambda text: checked([f"{text}=v; Path=/"], f"/{text}"),
    "paths checked": lambda text: checked([f"a=v; Path=/{text}"]),
    # With a space: CPython 3.12 keeps each constant that could be a name for ever.
    "templates": lambda text: APP.jinja_env.from_string(f"{text} "),
    "declared": declared_read,
}


@pytest.mark.parametrize("what", REMEMBERING)
def test_what_is_remembered_is_bounded_by_bytes(what: str) -> None:
    run = REMEMBERING[what]
    for number in range(100):
        run(clients_text(number))
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(100, 4000, 3 if what == "templates" else 2):
            with suppress(ValueError):
                run(clients_text(number))
        # Of `urlsplit`: as many as Python likes.
        urllib.parse.clear_cache()  # type: ignore[attr-defined] # it is there
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < (6_000_000 if what == "templates" else 1_500_000)


def test_cookies_that_were_set_first_are_forgotten_first() -> None:
    with APP.test_request_context("/"):
        request: Any = tuile.request._get_current_object()  # type: ignore[attr-defined] # a proxy
        for number in range(600):
            findings(APP, request, [f"n{number}=v; Path=/a", "always=v; Path=/a"])
        gone, kept = "n; Max-Age=0; Path=/", "always=; Max-Age=0; Path=/"
        assert not findings(APP, request, [f"n0={gone[1:]}"])
        assert findings(APP, request, [kept])


def test_warnings_about_cookies_are_not_kept_for_every_path() -> None:
    registry = vars(sys.modules[__name__]).setdefault("__warningregistry__", {})
    app = tuile.Flask("growth", static_folder=None)
    app.config.update(COOKIE_CHECKS="warn", SERVER_NAME=None)
    app.add_url_rule("/<path:rest>", "page", warned_about)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("default", CookieWarning)
        for number in range(300):
            assert send(app, make_environ(f"/{number}")).code == 200
    assert 0 < sum(CookieWarning in key for key in registry if isinstance(key, tuple)) <= 100


def warned_about(rest: str) -> tuile.Response:
    response = tuile.Response(rest)
    response.headers["Set-Cookie"] = "__Host-a=b"
    return response


@pytest.mark.parametrize("what", KEPT)
def test_what_clients_send_is_not_kept(what: str) -> None:
    run = KEPT[what]
    for number in range(1000):
        run(number)
    gc.collect()
    before = everything_kept()
    for number in range(1000, 4000):
        run(number)
    gc.collect()
    # What is bounded may have been filled up.
    assert everything_kept() - before < 150_000
