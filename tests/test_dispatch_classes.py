"""What plans say by classes alone is remembered, and found again after each change that it depends on."""

from __future__ import annotations

import gc
import weakref
from typing import Any
from unittest import mock

import pytest
import werkzeug.sansio.request
import werkzeug.sansio.response
import werkzeug.wrappers
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import Map, MapAdapter

import tuile
from tuile.ctx.app_context import AppContext
from tuile.ctx.request_context import RequestContext
from tuile.dispatch import classes
from tuile.dispatch.classes import OfClasses, find_of_classes, of_classes

OWNERS: dict[str, tuple[str, ...]] = {
    "App": ("__setattr__", "app_ctx_globals_class", "app_context", "before_request_funcs", "dispatch_request"),
    "AppRequest": ("__del__", "__init__", "__setattr__", "host", "method", "path", "trusted_hosts"),
    "AppResponse": ("__call__", "__init__", "default_status", "force_type", "get_app_iter", "set_cookie"),
    "Flask": ("ensure_sync", "make_response", "url_for"),
    "Request": ("__init__", "url_rule"),
    "Response": ("__init__", "from_app"),
    "AppContext": ("__init__", "url_adapter"),
    "RequestContext": ("match_request", "push"),
    "MapAdapter": ("match",),
    "Map": ("bind", "bind_to_environ"),
    "WerkzeugRequest": ("__del__", "__init__", "__setattr__", "close", "host", "trusted_hosts"),
    "WerkzeugResponse": ("__init__", "__setattr__", "force_type", "from_app", "get_wsgi_headers", "set_data", "status"),
    "SansioRequest": ("__setattr__", "host", "method", "trusted_hosts"),
    "SansioResponse": ("__setattr__", "from_app", "status"),
    "Scaffold": ("ensure_sync", "after_request_funcs"),
}
CHANGES = [(owner, name) for owner, names in OWNERS.items() for name in names]


class Mixin:
    """Does not tell when it changes."""


def owners(*, mixed: bool) -> dict[str, type]:
    bases: tuple[type, ...] = (Mixin,) if mixed else ()
    return {
        "App": type("App", (*bases, tuile.Flask), {}),
        "AppRequest": type("AppRequest", (*bases, tuile.Request), {}),
        "AppResponse": type("AppResponse", (*bases, tuile.Response), {}),
        "Flask": tuile.Flask,
        "Request": tuile.Request,
        "Response": tuile.Response,
        "AppContext": AppContext,
        "RequestContext": RequestContext,
        "MapAdapter": MapAdapter,
        "Map": Map,
        "WerkzeugRequest": werkzeug.wrappers.Request,
        "WerkzeugResponse": werkzeug.wrappers.Response,
        "SansioRequest": werkzeug.sansio.request.Request,
        "SansioResponse": werkzeug.sansio.response.Response,
        "Scaffold": tuile.sansio.scaffold.Scaffold,
    }


def fields(found: OfClasses) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__slots__}


def same(kinds: tuple[type, object, object]) -> None:
    """What is remembered is what would be found now."""
    for _ in range(2):
        remembered = of_classes(*kinds)
        assert fields(remembered) == fields(find_of_classes(*kinds))


@given(mixed=st.booleans(), stock=st.booleans(), changes=st.lists(st.sampled_from(CHANGES), max_size=4))
def test_what_is_remembered_is_what_would_be_found(mixed: bool, stock: bool, changes: list[tuple[str, str]]) -> None:
    found = owners(mixed=mixed)
    kinds: tuple[type, object, object] = (found["App"], found["AppRequest"], found["AppResponse"])
    if stock:
        kinds = (tuile.Flask, tuile.Request, tuile.Response)
    same(kinds)
    patches = []
    try:
        for owner, name in changes:
            patch = mock.patch.object(found[owner], name, property(lambda self: None), create=True)
            patch.start()
            patches.append(patch)
            same(kinds)
    finally:
        while patches:
            patches.pop().stop()
            same(kinds)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(("owner", "name"), CHANGES)
def test_each_change_is_seen(mixed: bool, owner: str, name: str) -> None:
    found = owners(mixed=mixed)
    kinds = (found["App"], found["AppRequest"], found["AppResponse"])
    before = fields(of_classes(*kinds))
    with mock.patch.object(found[owner], name, property(lambda self: None), create=True):
        same(kinds)
    assert fields(of_classes(*kinds)) == before


@pytest.mark.parametrize("kind", [None, "text", mock.Mock(), int, type("Kind", (), {})])
def test_what_is_no_class_of_requests_or_responses_is_not_remembered(kind: object) -> None:
    same((tuile.Flask, kind, tuile.Response))
    same((tuile.Flask, tuile.Request, kind))


def test_what_a_mixin_does_is_found_each_time() -> None:
    found = owners(mixed=True)
    kinds = (found["App"], tuile.Request, tuile.Response)
    same(kinds)
    with mock.patch.object(Mixin, "make_response", lambda self, rv: rv, create=True):
        assert "make_response" in of_classes(*kinds).overridden
    assert "make_response" not in of_classes(*kinds).overridden


def test_classes_are_not_kept_alive() -> None:
    found = owners(mixed=False)
    same((found["App"], found["AppRequest"], found["AppResponse"]))
    gone = [weakref.ref(found[name]) for name in ("App", "AppRequest", "AppResponse")]
    del found
    gc.collect()
    assert [reference() for reference in gone] == [None, None, None]


def test_apps_of_the_same_classes_ask_once() -> None:
    def count(app: Any) -> None:
        app.add_url_rule("/", "index", lambda: "text")
        app.before_request(lambda: None)
        assert app.test_client().get("/").text == "text"

    count(tuile.Flask("first"))
    with mock.patch.object(classes, "find_of_classes", side_effect=find_of_classes) as found:
        for _ in range(5):
            count(tuile.Flask("next"))
    assert found.call_count == 0
