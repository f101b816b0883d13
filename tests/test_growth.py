"""What a client sends costs time in proportion to its length, and is not kept."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.beside_flask import make_environ, send
from tuile.http.cookies import parse_cookie

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def steps(call: Callable[[], object]) -> int:
    """Count the lines and calls, those of built-in functions too, that a call comes to."""
    count = 0

    def count_lines(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += 1
        return count_lines

    def count_calls(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += 1

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(count_lines)
    sys.setprofile(count_calls)
    try:
        call()
    finally:
        sys.setprofile(before[1])
        sys.settrace(before[0])
    return count


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


GROWING: dict[str, Callable[[int], object]] = {
    "cookies set": lambda n: response_with(n, "set"),
    "cookies set again": lambda n: response_with(n, "again"),
    "cookies deleted": lambda n: response_with(n, "delete"),
    "cookies and other headers": lambda n: response_with(n, "between"),
    "the proxy's cookies set": lambda n: asked("/set", QUERY_STRING=names(n)),
    "the proxy's cookies deleted": lambda n: asked("/delete", QUERY_STRING=names(n)),
    "made-up names in a URL": lambda n: asked("/args", QUERY_STRING=names(n)),
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
    "languages": lambda n: asked("/accept", HTTP_ACCEPT_LANGUAGE="a-b," * n),
}


@pytest.mark.parametrize("what", GROWING)
def test_steps_grow_as_the_input_does(what: str) -> None:
    run = GROWING[what]
    for warm in (3, 100):
        run(warm)
    one, two, four = (steps(lambda n=n: run(n)) for n in (100, 200, 400))  # type: ignore[misc] # bound at once
    # Twice the input adds at most twice what the first half added, but for what every request costs.
    assert four - two <= 2.2 * (two - one) + 200


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
