"""The headers of a response behave as Werkzeug's, whatever is done with them."""

from __future__ import annotations

import copy
import pickle
import random
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.datastructures import MultiDict

import tuile
from tuile.http.response_headers import Headers

if TYPE_CHECKING:
    from collections.abc import Callable


class _Text(str):
    __slots__ = ()


_NAMES: list[Any] = [
    "X-One", "x-one", "X-ONE", "Content-Type", "content-type", "Set-Cookie", "Vary", "", "X One", "Größe", "GRÖSSE",
    "\u0130", "i\u0307", "\u212a", "k", "K", _Text("X-One"), _Text("vary"),
]  # fmt: skip
_VALUES: list[Any] = [
    "one", "", "text/html; charset=utf-8", "a\nb", "a\rb", "a\r\nX-Two: 2", "\u2028", "ü", 7, 1.5, None, True, b"raw",
    _Text("two"), _Text("a\nb"), ["list"],
]  # fmt: skip
_KEYS: list[Any] = [*_NAMES, 0, -1, 5, None, slice(0, 1), b"X-One"]


def _operation(chosen: random.Random) -> Callable[[Any], object]:  # noqa: C901 - one case for each method
    name, key, value = chosen.choice(_NAMES), chosen.choice(_KEYS), chosen.choice(_VALUES)
    several = [(chosen.choice(_NAMES), chosen.choice(_VALUES)) for _ in range(chosen.randrange(4))]
    options = {"filename": "a b.txt"} if chosen.random() < 0.2 else {}
    kind = chosen.randrange(22)

    def operate(headers: Any) -> object:  # noqa: C901 - as above
        match kind:
            case 0:
                return headers.get(key)
            case 1:
                return headers.get(key, value)
            case 2:
                return headers.get(name, type=int), headers.get(name, default=3, type=float)
            case 3:
                return headers[key]
            case 4:
                return key in headers
            case 5 | 6 | 7:
                headers[name] = value
            case 8:
                headers[key] = (name, value) if type(key) is int else several if type(key) is slice else value
            case 9:
                return headers.set(name, value, **options)
            case 10:
                return headers.add(name, value, **options)
            case 11:
                return headers.add_header(name, value, **options)
            case 12:
                return headers.setdefault(name, value)
            case 13:
                return headers.update(dict(several))
            case 14:
                return headers.update(several, x_two="2")
            case 15:
                return headers.update(MultiDict(several))
            case 16:
                return headers.extend(several)
            case 17:
                return headers.pop(key, "default")
            case 18:
                del headers[key]
            case 19:
                return headers.setlist(name, [value, "more"])
            case 20:
                return headers.getlist(key), headers.get_all(name)
            case 21:
                return headers | {"X-New": value}
        return None

    return operate


def _outcome(headers: Any, operate: Callable[[Any], object]) -> object:
    try:
        found = operate(headers)
    except Exception as error:  # noqa: BLE001 - compared
        return type(error), str(error)
    if isinstance(found, WerkzeugHeaders):
        return "headers", list(found)
    return type(found), found


@pytest.mark.parametrize("seed", range(400))
def test_generated_operations_have_the_results_of_werkzeugs(seed: int) -> None:
    chosen = random.Random(seed)
    start = [(chosen.choice(_NAMES), "start") for _ in range(chosen.randrange(5))]
    ours, theirs = Headers(start), WerkzeugHeaders(start)
    for _ in range(12):
        operate = _operation(chosen)
        assert _outcome(ours, operate) == _outcome(theirs, operate)
        assert list(ours) == list(theirs)
        assert [(type(name), type(value)) for name, value in ours] == [(type(n), type(v)) for n, v in theirs]
        assert str(ours) == str(theirs)
        assert repr(ours) == repr(theirs)
        assert (ours == theirs, theirs == ours, ours != theirs) == (True, True, False)


def test_headers_are_equal_as_werkzeugs_are() -> None:
    ours = Headers([("X-One", "1"), ("X-Two", "2")])
    assert ours == WerkzeugHeaders([("x-two", "2"), ("x-one", "1")])
    assert WerkzeugHeaders([("x-two", "2"), ("x-one", "1")]) == ours
    assert ours != WerkzeugHeaders([("x-one", "1")])
    assert ours != [("X-One", "1"), ("X-Two", "2")]
    with pytest.raises(TypeError, match="unhashable"):
        hash(ours)


def _pickled(headers: Headers) -> Headers:
    made: Headers = pickle.loads(pickle.dumps(headers))  # noqa: S301 - it was just pickled
    return made


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, _pickled, Headers.copy])
def test_copies_are_equal_and_their_own(copied: Callable[[Headers], Headers]) -> None:
    ours = Headers([("X-One", "1"), ("X-One", "2")])
    made = copied(ours)
    assert type(made) is Headers
    assert list(made) == list(ours)
    made["X-Two"] = "2"
    assert "X-Two" not in ours


def test_every_way_to_a_response_has_these_headers() -> None:
    app = tuile.Flask(__name__)
    with app.test_request_context():
        responses = [
            tuile.make_response("text"), tuile.make_response("text", 201, {"X-One": "1"}), tuile.jsonify(a=1),
            tuile.redirect("/"), tuile.Response("text"), tuile.Response(b"x", headers=[("X-One", "1")]),
        ]  # fmt: skip
    assert {type(response.headers) for response in responses} == {Headers}
    given = WerkzeugHeaders()
    assert tuile.Response("text", headers=given).headers is given
