"""Reading and setting cookies, one to two hundred."""

from __future__ import annotations

from typing import Any

from benchmarks.breadth.registry import Subject, f

SUBJECT = Subject("cookies")
view = SUBJECT.view


def _header(count: int) -> str:
    return "; ".join(f"cookie_{number}=value_{number}" for number in range(count))


def _read(number: int) -> Any:
    return lambda: f.request.cookies[f"cookie_{number}"]


def _set(count: int) -> Any:
    def setting() -> Any:
        response = f.make_response("set")
        for number in range(count):
            response.set_cookie(f"cookie_{number}", f"value_{number}")
        return response

    return setting


def _delete(count: int) -> Any:
    def deleting() -> Any:
        response = f.make_response("deleted")
        for number in range(count):
            response.delete_cookie(f"cookie_{number}")
        return response

    return deleting


for _count in (1, 3, 20, 50, 180):
    view(f"one of {_count} read", cookies=_header(_count))(_read(_count - 1))
for _count in (1, 2, 5, 20, 50, 200):
    view(f"{_count} set", per_block=10 if _count < 50 else 3)(_set(_count))
for _count in (1, 20):
    view(f"{_count} deleted")(_delete(_count))


@view("one read that is not there")
def _() -> Any:
    return f.request.cookies.get("theme", "light")


@view("quoted value read", cookies='theme="dark\\054 blue"; lang=de')
def _() -> Any:
    return f.request.cookies["theme"]


@view("all of 20 iterated", cookies=_header(20))
def _() -> Any:
    return str(dict(f.request.cookies.items()))


@view("one set with all attributes")
def _() -> Any:
    response = f.make_response("set")
    response.set_cookie("theme", "dark", max_age=3600, path="/", secure=True, httponly=True, samesite="Lax")
    return response


@view("one of three read, one set", cookies="consent=yes; theme=dark; lang=en-GB")
def _() -> Any:
    response = f.make_response(f.request.cookies["theme"])
    response.set_cookie("theme", "light", max_age=3600, secure=True, httponly=True, samesite="Lax")
    return response


@view("value with a space, comma and umlaut set")
def _() -> Any:
    response = f.make_response("set")
    response.set_cookie("name", "Müller, Ada")
    return response


@view("a 3 KB value set")
def _() -> Any:
    response = f.make_response("set")
    response.set_cookie("big", "x" * 3000)
    return response


@view("expires as a datetime")
def _() -> Any:
    import datetime as dt  # noqa: PLC0415 - as views do

    response = f.make_response("set")
    response.set_cookie("a", "b", expires=dt.datetime(2027, 1, 2, tzinfo=dt.timezone.utc), domain="example.com")
    return response
