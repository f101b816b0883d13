"""Patterns and tables that are made at their first use."""

from __future__ import annotations

import re
import string
import subprocess
import sys
from urllib.parse import quote, quote_plus

import pytest

from tuile.lazy import QuotedOctets, lazy_pattern


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
late = "keys.weakness", "sessions.changes", "sessions.stored"
print([name for name in late if f"tuile.{name}" in sys.modules])
"""
    if sys.version_info < (3, 11):
        program = (
            program.replace("re._compiler", "sre_compile")
            .replace('"/re/" in', '"sre_" in')
            .replace("while ", 'while frame.f_code.co_filename.endswith("/re.py") or ')
        )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
