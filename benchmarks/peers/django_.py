"""The applications in Django, without the middleware that a new project switches on and the work does not need."""

# mypy: disable-error-code="import-not-found"
# (Django is installed where the benchmarks run, not where the types are checked.)

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.http.cookie import parse_cookie
from django.shortcuts import render
from django.urls import path, reverse

from benchmarks.content import (
    COOKIE_MAX_AGE_S,
    HELLO,
    PAGE,
    SECRET_KEY,
    STREAM_PIECE,
    STREAM_PIECES,
    TEMPLATES,
)
from benchmarks.measuring.call import Call

_JINJA = {"BACKEND": "django.template.backends.jinja2.Jinja2", "DIRS": [TEMPLATES], "APP_DIRS": False}

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY=SECRET_KEY,
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    TEMPLATES=[_JINJA],
    LOGGING_CONFIG=None,
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
)
django.setup()


def _app(*urls: Any, middleware: tuple[str, ...] = ()) -> Any:
    # The settings are the process's, so that one Django application is alive at a time; a handler reads them at birth
    # (middleware) and at each request (urls).
    settings.ROOT_URLCONF = urls
    settings.MIDDLEWARE = list(middleware)
    return WSGIHandler()


def _hello(request: Any) -> Any:
    return HttpResponse(HELLO)


def hello() -> Any:
    from django.views.decorators.http import require_GET

    return _app(path("", require_GET(_hello)))


def dynamic_json() -> Any:
    def user(request: Any, user_id: int, name: str) -> Any:
        return JsonResponse({"id": user_id, "name": name, "active": True, "roles": ["reader", "writer"]})

    return _app(path("users/<int:user_id>/<str:name>", user))


def cookie() -> Any:
    def theme(request: Any) -> Any:
        response = HttpResponse(request.COOKIES["theme"])
        response.set_cookie(
            "theme", "light", max_age=COOKIE_MAX_AGE_S, path="/", secure=True, httponly=True, samesite="Lax"
        )
        return response

    return _app(path("", theme))


def fifty_cookies() -> Any:
    return _app(path("", lambda request: HttpResponse(request.COOKIES["cookie_49"])))


def parse_cookies(header: str) -> Call:
    return Call(lambda: parse_cookie(header)["cookie_49"])


def session() -> Any:
    def login(request: Any) -> Any:
        request.session["user"] = "ada"
        request.session["count"] = 1
        return HttpResponse("welcome")

    def read(request: Any) -> Any:
        return HttpResponse(request.session["user"])

    def count(request: Any) -> Any:
        request.session["count"] += 1
        return HttpResponse(f"{request.session['user']} {request.session['count']}")

    urls = (path("login", login), path("read", read), path("count", count))
    return _app(*urls, middleware=("django.contrib.sessions.middleware.SessionMiddleware",))


def redirect() -> Any:
    return _app(path("old", lambda request: HttpResponseRedirect("/new")))


def url_for_static() -> Call:
    _app(path("about", _hello, name="about"))
    return Call(lambda: reverse("about"))


def template() -> Any:
    return _app(path("", lambda request: render(request, "page.html", dict(PAGE))))


def form() -> Any:
    return _app(path("", lambda request: HttpResponse(f"{request.POST['name']} <{request.POST['email']}>")))


def json_post() -> Any:
    import json

    def order(request: Any) -> Any:
        data = json.loads(request.body)
        total = sum(line["price"] * line["quantity"] for line in data["lines"])
        return JsonResponse({"customer": data["customer"], "total": total})

    return _app(path("", order))


def upload() -> Any:
    def photo(request: Any) -> Any:
        content = request.FILES["photo"].read()
        return HttpResponse(f"{request.POST['title']} {len(content)}")

    return _app(path("", photo))


class DoNothing:
    """A middleware that does nothing before and nothing after."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        """Pass the request on and the response back."""
        return self.get_response(request)


def hooks() -> Any:
    return _app(path("", _hello), middleware=(f"{__name__}.DoNothing",) * 3)


def routes(count: int) -> Any:
    def item(request: Any, item_id: int) -> Any:
        return HttpResponse(f"section {request.path.split('/')[1][7:]} item {item_id}")

    urls = []
    for number in range(count // 2):
        urls.append(path(f"section{number}", _hello))
        urls.append(path(f"section{number}/<int:item_id>", item))
    return _app(*urls)


def stream() -> Any:
    return _app(path("", lambda request: StreamingHttpResponse(STREAM_PIECE for _ in range(STREAM_PIECES))))
