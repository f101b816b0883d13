"""What a view returns: text, JSON, tuples, responses, redirects, headers."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from dataclasses import dataclass
from typing import Any

from benchmarks.breadth.registry import Subject, f

SUBJECT = Subject("answers")
view = SUBJECT.view
_ROWS = [{"id": number, "name": f"name {number}", "price": number * 1.5, "tags": ["a", "b"]} for number in range(50)]


@dataclass
class _Point:
    x: int
    y: int


@view("text of 100 KB")
def _() -> Any:
    return "x" * 100_000


@view("bytes")
def _() -> Any:
    return b"bytes"


@view("text with umlauts")
def _() -> Any:
    return "Grüße aus Köln"


@view("text and status")
def _() -> Any:
    return "created", 201


@view("text and headers")
def _() -> Any:
    return "text", {"X-One": "1", "Content-Type": "text/plain"}


@view("text, status and headers")
def _() -> Any:
    return "text", 202, {"X-One": "1"}


@view("empty, 204")
def _() -> Any:
    return "", 204


@view("make_response and a header")
def _() -> Any:
    response = f.make_response("text")
    response.headers["X-One"] = "1"
    return response


@view("make_response of text and status")
def _() -> Any:
    return f.make_response("text", 201)


@view("Response")
def _() -> Any:
    return f.Response("text", mimetype="text/plain")


@view("Response with status and headers")
def _() -> Any:
    return f.Response("text", status=418, headers={"X-One": "1"}, content_type="text/plain; charset=utf-8")


@view("five security headers")
def _() -> Any:
    response = f.make_response("text")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Content-Security-Policy"] = "default-src 'self'"
    response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return response


@view("cache_control and ETag")
def _() -> Any:
    response = f.make_response("text")
    response.cache_control.max_age = 60
    response.cache_control.public = True
    response.set_etag("abc")
    return response


@view("conditional, 304", If_None_Match='"abc"')
def _() -> Any:
    response = f.make_response("text")
    response.set_etag("abc")
    return response.make_conditional(f.request)


@view("last_modified and expires")
def _() -> Any:
    response = f.make_response("text")
    response.last_modified = response.expires = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)
    return response


@view("vary and content_language")
def _() -> Any:
    response = f.make_response("text")
    response.vary.add("Cookie")
    response.content_language.add("de")
    return response


@view("dict")
def _() -> Any:
    return {"id": 1, "name": "ada", "active": True}


@view("list of dicts, 50")
def _() -> Any:
    return _ROWS


@view("jsonify of keywords")
def _() -> Any:
    return f.jsonify(id=1, name="ada", active=True)


@view("jsonify of a dict, 201")
def _() -> Any:
    return f.jsonify({"id": 1, "name": "ada"}), 201


@view("dict and status")
def _() -> Any:
    return {"error": "missing"}, 404


@view("dict, status and headers")
def _() -> Any:
    return {"id": 1}, 201, {"Location": "/items/1"}


@view("JSON with a datetime, a Decimal and a UUID")
def _() -> Any:
    return {
        "at": dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc),
        "price": decimal.Decimal("9.99"),
        "id": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    }


@view("JSON with dates, 50")
def _() -> Any:
    return [{"id": number, "on": dt.date(2026, 1, 1 + number % 28)} for number in range(50)]


@view("JSON with a dataclass")
def _() -> Any:
    return {"point": _Point(1, 2)}


@SUBJECT.app("JSON, not sorted, not ASCII")
def _(app: Any) -> None:
    app.json.ensure_ascii = app.json.sort_keys = False
    app.add_url_rule("/", "view", lambda: {"name": "Köln", "area": 405})


@view("json.dumps and a Response")
def _() -> Any:
    return f.Response(f.json.dumps({"id": 1, "name": "ada"}), mimetype="application/json")


@view("JSON in debug mode", DEBUG=True)
def _() -> Any:
    return {"id": 1, "name": "ada"}


@view("redirect")
def _() -> Any:
    return f.redirect("/new")


@view("redirect to url_for, 303")
def _() -> Any:
    return f.redirect(f.url_for("view"), 303)


@view("redirect to another site")
def _() -> Any:
    return f.redirect("https://example.com/a?b=c")


@view("redirect with unicode")
def _() -> Any:
    return f.redirect("/straße?q=ä")


@view("redirect to a host in Unicode")
def _() -> Any:
    return f.redirect("https://bücher.example/suche?q=käse")


@view("redirect with a cookie")
def _() -> Any:
    response = f.redirect("/new")
    response.set_cookie("seen", "1")
    return response


@view("redirect back to next", "/?next=/profile")
def _() -> Any:
    return f.redirect(f.request.args.get("next", "/"))


@view("a WSGI callable")
def _() -> Any:
    def inner(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"inner"]

    return inner


@view("escape")
def _() -> Any:
    from markupsafe import escape  # noqa: PLC0415 - as views do

    return f"<p>{escape('<script>')}</p>"


@view("status and mimetype set on a response")
def _() -> Any:
    response = f.make_response("<a/>")
    response.status_code = 202
    response.mimetype = "application/xml"
    return response


@view("after_this_request")
def _() -> Any:
    @f.after_this_request  # type: ignore[untyped-decorator]
    def add(response: Any) -> Any:
        response.headers["X-One"] = "1"
        return response

    return "text"
