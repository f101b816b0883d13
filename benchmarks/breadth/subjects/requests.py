"""What a view reads of a request."""

from __future__ import annotations

from typing import Any

from benchmarks.breadth.registry import Subject, f

SUBJECT = Subject("requests")
view = SUBJECT.view


@view("hello")
def _() -> Any:
    return "Hello, World!"


@view("hello, HEAD", method="HEAD")
def _() -> Any:
    return "Hello, World!"


@view("hello behind a long Cookie header", cookies="; ".join(f"c{n}=v{n}" for n in range(30)))
def _() -> Any:
    return "Hello, World!"


@view("method, path and host")
def _() -> Any:
    return f"{f.request.method} {f.request.path} {f.request.host}"


@view("url and base_url", "/a/b?q=1")
def _() -> Any:
    return f"{f.request.url} {f.request.base_url}"


@view("full_path, url_root and scheme", "/a/b?q=1")
def _() -> Any:
    return f"{f.request.full_path} {f.request.url_root} {f.request.scheme}"


@view("one query argument", "/?q=flask")
def _() -> Any:
    return f.request.args["q"]


@view("three query arguments, one as int", "/?q=flask&page=2&sort=name")
def _() -> Any:
    args = f.request.args
    return f"{args['q']} {args.get('page', 1, type=int)} {args.get('sort')}"


@view("query with escapes and unicode", "/?q=caf%C3%A9+au+lait&city=K%C3%B6ln%2FBonn")
def _() -> Any:
    return f"{f.request.args['q']} {f.request.args['city']}"


@view("query list and to_dict", "/?tag=a&tag=b&tag=c&page=2")
def _() -> Any:
    return f"{f.request.args.getlist('tag')} {f.request.args.to_dict()}"


@view("query of 50 names", "/?" + "&".join(f"name{n}=value{n}" for n in range(50)))
def _() -> Any:
    return f.request.args["name49"]


@view("query of 1,000 names", "/?" + "&".join(f"name{n}=value{n}" for n in range(1000)), per_block=3)
def _() -> Any:
    return f.request.args["name999"]


@view("no query argument, default", "/")
def _() -> Any:
    return f.request.args.get("page", "1")


@view("query string, bytes", "/?raw=1")
def _() -> Any:
    return f.request.query_string


@view("one header", X_Token="abc")
def _() -> Any:
    return f.request.headers["X-Token"]


@view("three headers, one missing", X_Token="abc")
def _() -> Any:
    headers = f.request.headers
    return f"{headers.get('X-Token')} {headers.get('X-Missing')} {headers.get('User-Agent')}"


@view("all headers", X_Token="abc")
def _() -> Any:
    return str(len(list(f.request.headers)))


@view("user agent")
def _() -> Any:
    return f.request.user_agent.string


@view("best of accept_mimetypes")
def _() -> Any:
    return str(f.request.accept_mimetypes.best_match(["application/json", "text/html"]))


@view("best of accept_languages")
def _() -> Any:
    return str(f.request.accept_languages.best_match(["de", "en"]))


@view("basic authorization", Authorization="Basic YWRhOnNlY3JldA==")
def _() -> Any:
    return f"{f.request.authorization.username} {f.request.authorization.password}"


@view("bearer token", Authorization="Bearer abcdef.123456")
def _() -> Any:
    return f.request.authorization.token


@view("remote_addr and access_route", X_Forwarded_For="1.2.3.4, 5.6.7.8")
def _() -> Any:
    return f"{f.request.remote_addr} {f.request.access_route}"


@view("endpoint, blueprint, view_args", "/users/7", rule="/users/<int:user_id>")
def _(user_id: int) -> Any:
    return f"{f.request.endpoint} {f.request.blueprint} {f.request.view_args}"


@view("if_none_match and if_modified_since", If_None_Match='"abc"', If_Modified_Since="Wed, 21 Oct 2026 07:28:00 GMT")
def _() -> Any:
    return f"{f.request.if_none_match.contains('abc')} {f.request.if_modified_since}"


@view("is_json, mimetype, content_length", body="{}", type="application/json")
def _() -> Any:
    return f"{f.request.is_json} {f.request.mimetype} {f.request.content_length}"


@view("values of query and form", "/?a=1", body="b=2", type="application/x-www-form-urlencoded")
def _() -> Any:
    return f"{f.request.values['a']} {f.request.values['b']}"


@view("g written and read")
def _() -> Any:
    f.g.user = "ada"
    return f.g.get("user") + str(f.g.get("missing"))


@view("current_app.config read")
def _() -> Any:
    return str(f.current_app.config["DEBUG"]) + f.current_app.name


@view("attribute of the request's own")
def _() -> Any:
    f.request.user = "ada"
    return f.request.user


@view("url, host and external link of an IPv6 host", "/a?q=1", Host="[2001:db8::1]:8000")
def _() -> Any:
    return f"{f.request.host} {f.request.url} {f.url_for('view', _external=True)}"


@view("url, host and external link of a host in Unicode", "/a?q=1", Host="xn--bcher-kva.example")
def _() -> Any:
    return f"{f.request.host} {f.request.url} {f.url_for('view', _external=True)}"
