"""The headers of a response that are sets of names are read and changed as Werkzeug's are."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import HeaderSet
from werkzeug.wrappers import Response as WerkzeugResponse

import tuile
from tests.beside_flask import outcome

NAMES: list[Any] = [
    "Cookie",
    "cookie",
    "Accept",
    "de",
    "a b",
    "a,b",
    "a, b",
    "",
    '"',
    "*",
    "\xfc",
    "x\n",
    7,
    None,
    b"a",
]
HEADERS = [
    None,
    "",
    "Cookie",
    "Accept, Cookie",
    "a,b",
    "a , b",
    '"a b", c',
    "*",
    ",",
    " a",
    "a,a",
    "A,a",
    "\xfc",
    "a;q=1",
]
OPERATIONS: dict[str, Any] = {
    "add": lambda found, name: found.add(name),
    "update": lambda found, name: found.update([name, "Accept", name]),
    "remove": lambda found, name: found.remove(name),
    "discard": lambda found, name: found.discard(name),
    "clear": lambda found, name: found.clear(),
    "first": lambda found, name: found.__setitem__(0, name),
    "delete": lambda found, name: found.__delitem__(0),
    "contains": lambda found, name: name in found,
    "show": lambda found, name: (str(found), repr(found), list(found), len(found), bool(found), found.as_set()),
    "quietly": lambda found, name: setattr(found, "on_update", None),
}


@settings(derandomize=True, deadline=None, database=None, max_examples=400)
@given(
    st.sampled_from([("vary", "Vary"), ("allow", "allow"), ("content_language", "Content-Language")]),
    st.sampled_from(HEADERS),
    st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), st.sampled_from(NAMES), st.booleans()), max_size=4),
)
def test_any_change_of_a_set_is_in_the_header(header: Any, before: Any, operations: Any) -> None:
    def observe(kind: Any) -> Any:
        attribute, name = header
        response, seen = kind("text"), []
        if before is not None:
            response.headers.add(name, before)
        found = getattr(response, attribute)
        for operation, item, again in operations:
            if again:
                found = getattr(response, attribute)
            result = outcome(OPERATIONS[operation], found, item)
            seen.append((result, type(found) is HeaderSet, list(response.headers)))
        return seen

    theirs, ours = observe(WerkzeugResponse), observe(tuile.Response)
    for one, other in zip(theirs, ours, strict=True):
        assert one[:2] == other[:2]
        assert one[2][1:] == other[2][1:]


def test_what_replaces_a_method_of_sets_is_called(monkeypatch: Any) -> None:
    monkeypatch.setattr(HeaderSet, "to_header", lambda self: "patched")
    response = tuile.Response("text")
    response.vary.add("Cookie")
    assert response.headers["Vary"] == "patched"
