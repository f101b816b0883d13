"""Patterns, tables and modules that are made or imported at their first use."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from types import ModuleType
from urllib.parse import quote, quote_plus

import pytest

from tests.fresh import observe
from tuile.lazy import QuotedOctets, late_modules, lazy_pattern


def test_lazy_pattern_is_compiled_once_at_its_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def compile_noting(pattern: str, flags: int = 0) -> re.Pattern[str]:
        compiled.append(pattern)
        return original(pattern, flags)

    original = re.compile
    monkeypatch.setattr(re, "compile", compile_noting)
    digits = lazy_pattern("[0-9]+")
    assert compiled == []
    assert digits.fullmatch("12") is not None
    assert digits.fullmatch("1a") is None
    assert compiled == ["[0-9]+"]


def test_lazy_pattern_keeps_its_flags() -> None:
    assert lazy_pattern("a.b", re.DOTALL | re.IGNORECASE).fullmatch("A\nB") is not None
    assert lazy_pattern(rb"\w", re.ASCII).fullmatch(b"x") is not None


@pytest.mark.parametrize("safe", ["", "/", "!$'()*,/:;?@", string.punctuation.replace("%", "")])
def test_quoted_octets_are_those_of_urllib(safe: str) -> None:
    table, plus = QuotedOctets(safe), QuotedOctets(safe, quote_plus)
    for octet in range(256):
        assert table[octet] == quote(bytes((octet,)), safe)
        assert plus[octet] == quote_plus(bytes((octet,)), safe)
    text = "".join(map(chr, range(128)))
    assert text.translate(QuotedOctets(safe)) == quote(text, safe)
    assert text.translate(QuotedOctets(safe, quote_plus)) == quote_plus(text, safe)


def test_import_compiles_no_pattern_of_its_own() -> None:
    # Werkzeug's modules, and what they import, compile their own.
    program = """
import re._compiler as compiler, sys
compile, found = compiler.compile, []
def noting(pattern, flags=0):
    frame = sys._getframe(1)
    while "/re/" in frame.f_code.co_filename:
        frame = frame.f_back
    found.append(frame.f_globals["__name__"])
    return compile(pattern, flags)
compiler.compile = noting
import tuile
assert found, "nothing was compiled at all"
print([name for name in found if name.startswith("tuile")])
"""
    if sys.version_info < (3, 11):
        program = (
            program.replace("re._compiler", "sre_compile")
            .replace('"/re/" in', '"sre_" in')
            .replace("while ", 'while frame.f_code.co_filename.endswith("/re.py") or ')
        )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# What an application may never need, by what would need it.
NOT_IMPORTED = (
    *("csrf", "cookie.declared", "startup", "asgi.hooks", "asgi.service", "dispatch.awaiting", "sansio.type_vars"),
    *("keys.app_keys", "keys.ring", "keys.secret", "keys.tokens", "keys.weakness", "keys.xaes"),
    *("sessions.ages", "sessions.changes", "sessions.kinds", "sessions.packing", "sessions.plain", "sessions.signer"),
    *("json.tag", "sessions.stored", "sessions.tracked", "wrappers.files", "wrappers.json_body"),
    *(
        "http.accepted",
        "http.bodies",
        "http.caching",
        "http.conditions",
        "http.cookie_header",
        "http.cookies",
        "http.dates",
    ),
    *("http.locations", "http.multipart", "http.origins", "http.redirect_targets", "http.urlencoded"),
    *("ctx.cookie_defaults", "ctx.late_writes", "ctx.sent_cookies", "dispatch.return_values"),
    *("dispatch.shared_responses", "routing.answers", "routing.building", "routing.redirects", "routing.refusals"),
    *("routing.search", "routing.links", "routing.writing", "url_building", "exceptions", "logging", "typing"),
)


def test_import_imports_nothing_that_an_application_may_not_need() -> None:
    program = f"""
import sys, tuile
late = {[f"tuile.{name}" for name in NOT_IMPORTED]}
seen = [[name for name in (*late, "itsdangerous", "jinja2", "click", "asyncio") if name in sys.modules]]
from importlib import import_module
for name in late:
    import_module(name)
"""
    assert observe(program, shim=False) == [[]]


def test_what_is_patched_before_a_late_module_is_imported_counts() -> None:
    program = """
import sys, tuile
from werkzeug import utils
from werkzeug.test import Client
from werkzeug.wrappers import Response
app = tuile.Flask("app", root_path=".")
app.get("/", endpoint="file")(lambda: tuile.send_file(tuile.__file__))
app.get("/directory", endpoint="directory")(lambda: tuile.send_from_directory(tuile.__path__[0], "app.py"))
assert "tuile.wrappers.files" not in sys.modules
utils.send_file = lambda *args, **kwargs: Response("patched")
seen = [Client(app).get("/").text, Client(app).get("/directory").text, "tuile.wrappers.files" in sys.modules]
"""
    assert observe(program, shim=False) == ["patched", "patched", True]


def test_the_serializer_of_sessions_is_one_object_before_and_after_it_is_first_read() -> None:
    program = """
import sys, tuile
from unittest import mock
cls = tuile.sessions.SecureCookieSessionInterface
class Own(cls):
    pass
app, own = tuile.Flask("app"), Own()
seen = ["tuile.json.tag" in sys.modules, app.session_interface._signs_plainly, own._signs_plainly]
with mock.patch.object(cls, "serializer", "another"):
    seen += [own._signs_plainly, own.serializer]
first = own.serializer
seen += [own._signs_plainly, first is cls.serializer is app.session_interface.serializer,
         first is tuile.sessions.session_json_serializer, vars(cls)["serializer"] is first]
"""
    assert observe(program, shim=False) == [False, True, True, False, "another", *[True] * 4]


def test_a_first_request_without_a_session_imports_neither_keys_nor_itsdangerous() -> None:
    program = """
import sys, tuile
from werkzeug.test import create_environ
app = tuile.Flask("app")
app.get("/")(lambda: "text")
assert list(app(create_environ("/"), lambda status, headers: None)) == [b"text"]
seen = [name for name in ("itsdangerous", "tuile.csrf", "tuile.keys.secret") if name in sys.modules]
"""
    assert observe(program, shim=False) == []


def test_late_modules_are_imported_by_the_first_attribute_and_are_then_themselves() -> None:
    program = """
import sys
from tuile.lazy import late_modules
colorsys, handlers = late_modules(__name__, "colorsys", "logging.handlers")
seen = ["colorsys" in sys.modules, "logging.handlers" in sys.modules]
black = colorsys.rgb_to_hls(0, 0, 0)
seen += ["colorsys" in sys.modules, "logging.handlers" in sys.modules, colorsys is sys.modules["colorsys"], black]
"""
    assert observe(program, shim=False) == [False, False, True, False, True, [0, 0, 0]]


def test_a_late_module_keeps_its_own_errors() -> None:
    (missing,) = late_modules(__name__, ".no_such_module")
    with pytest.raises(ModuleNotFoundError, match=r"tests\.no_such_module"):
        missing.anything  # noqa: B018
    (module,) = late_modules(__name__, "tuile.lazy")
    with pytest.raises(AttributeError, match="nothing"):
        module.nothing  # noqa: B018
    assert isinstance(globals()["lazy"], ModuleType)
