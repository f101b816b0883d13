"""Write comparisons of browsers as plain text, for terminals and reports of tests."""

from __future__ import annotations

import typing as t

from ..http.received import as_printed
from .browsers import PROFILES
from .comparing import BROWSERS
from .verdicts import decode_octets, describe_kept, describe_name

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .comparing import Comparison
    from .sending import Reason
    from .verdicts import Verdict

#: How the columns are headed.
HEADINGS = {name: PROFILES[name].called if name != "rfc6265bis" else "standard (RFC 6265bis)" for name in BROWSERS}
_SHORT = {**HEADINGS, "rfc6265bis": "standard"}
_LONGEST_LINE = 300
_OUTCOMES = ("keeps it", "drops it", "deletes a cookie", "has nothing to delete")


def printable(text: str) -> str:
    """Return header text as it can be shown: octets decoded, and control characters escaped.

    What a server sends could otherwise change the colours, the title or the contents of a terminal.
    """
    return as_printed(decode_octets(text))


def shortened(text: str, longest: int = _LONGEST_LINE) -> str:
    """Return the text, printable, and without its middle if it is long."""
    shown = printable(text)
    if len(shown) <= longest:
        return shown
    half = longest // 2
    return f"{shown[:half]}[... {len(shown) - 2 * half} more ...]{shown[-half:]}"


def describe(comparison: Comparison, *, sources: bool = False, said: set[str] | None = None) -> Iterator[str]:
    """Yield the lines that say what each browser does with one Set-Cookie line, by which rule, and what to write.

    Args:
        comparison: What the browsers do.
        sources: Whether to name the source of each difference between browsers.
        said: The explanations of requests and differences that need not be repeated. Those of this line are added.
    """
    said = set() if said is None else said
    yield f"Set-Cookie: {shortened(comparison.line)}"
    yield ""
    width = max(map(len, HEADINGS.values())) + 2
    for name, verdict in comparison.verdicts.items():
        yield f"  {HEADINGS[name]:<{width}}{_outcome(verdict)}"
    yield ""
    yield from _reasons(comparison)
    yield from _sent(comparison, said)
    yield from _differences(comparison, said, sources=sources)


def outcome(verdict: Verdict) -> str:
    """Return what a browser does with a line, in a few words."""
    if verdict.kept:
        return _OUTCOMES[0]
    if verdict.deleted:
        return _OUTCOMES[2]
    return _OUTCOMES[3] if verdict.rule == "3.1" else _OUTCOMES[1]


def _outcome(verdict: Verdict) -> str:
    if verdict.cookie is None:
        return outcome(verdict)
    where = describe_kept(verdict.cookie).removeprefix(f"keeps {describe_name(verdict.cookie.name)}")
    return f"{outcome(verdict)}{printable(where)}"


def _reasons(comparison: Comparison) -> Iterator[str]:
    """Yield what is wrong, once for all browsers that say the same, with the cure."""
    said: dict[str, list[str]] = {}
    for name, verdict in comparison.verdicts.items():
        subject = PROFILES[name].called
        for text in (*([] if verdict.kept else [_sentence(verdict)]), *map(str, verdict.notes)):
            alone = text.removeprefix(subject).strip().removeprefix(f"ignores {describe_name(verdict.name)}: ")
            said.setdefault(alone, []).append(name)
    for text, names in said.items():
        who = called(names)
        yield from folded(f"{who[0].upper()}{who[1:]}: {printable(text)}")
    if said:
        yield ""


def _sentence(verdict: Verdict) -> str:
    """Return the verdict without its notes."""
    notes = " ".join(map(str, verdict.notes))
    return str(verdict).removesuffix(notes).strip() if notes else str(verdict)


def _sent(comparison: Comparison, said: set[str]) -> Iterator[str]:
    if not comparison.sent:
        return
    names = [name for name in BROWSERS if comparison.verdicts[name].cookie is not None]
    first = max(len(occasion.text) for occasion in comparison.sent) + 2
    widths = [max(len(_SHORT[name]), 3) + 2 for name in names]
    headings = "".join(f"{_SHORT[name]:<{width}}" for name, width in zip(names, widths, strict=True))
    yield f"  {'Sent back with':<{first}}{headings}".rstrip()
    why: dict[str, None] = {}
    for occasion, found in comparison.sent.items():
        cells = ["no" if found[name] else "yes" for name in names]
        row = "".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        yield f"  {occasion.text:<{first}}{row}".rstrip()
        for reasons in found.values():
            if reasons:
                why.setdefault(_why(reasons[0]))
    yield ""
    unsaid = [text for text in why if text not in said]
    said.update(unsaid)
    for text in unsaid:
        yield from folded(f"Not sent: {text}")
    if unsaid:
        yield ""


def _why(reason: Reason) -> str:
    where = reason.rule if reason.rule.startswith(("http", "layered")) else f"rfc6265bis {reason.rule}"
    cure = f" {reason.cure[0].upper()}{reason.cure[1:]}." if reason.cure else ""
    return f"{reason.name}: {printable(reason.text)} ({where}).{cure}"


def _differences(comparison: Comparison, said: set[str], *, sources: bool) -> Iterator[str]:
    found = []
    for name, rows in comparison.differences.items():
        for row in rows:
            source = f" ({row.source}; checked {row.checked})" if sources else ""
            found.append(f"{_SHORT[name]}: {row.says}{source}")
    unsaid = [text for text in found if text not in said]
    said.update(unsaid)
    if unsaid:
        yield "  Where browsers differ from the standard here:"
        for text in unsaid:
            yield from folded(text, "  - ")
        yield ""


def called(names: Iterable[str]) -> str:
    """Return how a sentence refers to these browsers."""
    shown = [_SHORT[name] if name != "rfc6265bis" else "the standard" for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def folded(text: str, mark: str = "  ") -> Iterator[str]:
    """Yield the text in lines of at most 110 characters, without cutting a word."""
    line = mark
    for word in text.split(" "):
        if len(line) + len(word) > 110 and line.strip(" -"):
            yield line.rstrip()
            line = " " * len(mark)
        line += f"{word} "
    yield line.rstrip()
