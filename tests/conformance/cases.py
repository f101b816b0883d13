"""The conformance cases of user agents, as data: reading them, and playing one on a jar.

A case is `{"id": ..., "ops": [...]}`, an op one of
- `{"set": URL, "lines": [...]}` with `api`, `context`, `status`, and `rule`: the rule of the last line's verdict, null
  if it is kept
- `{"get": URL, "expect": "..."}` with `api`, `method`, `context`: the whole Cookie field. Where browsers differ, this
  and `rule` are `{"profile": "...", "*": "..."}`, the star for all others
- `{"advance_s": N}` and `{"end_session": true}`

In texts `{1024 x}` stands for 1024 times x. The id begins with the number of the requirement it is about.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tuile.user_agent.jar import Jar
from tuile.user_agent.sites import Context

Case = dict[str, Any]

FOLDER = Path(__file__).parent / "user_agent"
PROFILES = ("rfc6265bis", "chromium", "firefox", "safari")
START = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)

_repeated = re.compile(r"\{(\d+) (.)\}")


def user_agent_cases() -> list[Case]:
    """All cases, file by file."""
    return [case for file in sorted(FOLDER.glob("*.json")) for case in json.loads(file.read_text(encoding="utf-8"))]


def expand(text: str) -> str:
    """The text with its repetitions written out."""
    return _repeated.sub(lambda found: found[2] * int(found[1]), text)


def expected(op: Case, profile: str) -> str:
    """What a get expects of a profile."""
    expect = op["expect"]
    return expand(expect if isinstance(expect, str) else expect.get(profile, expect.get("*")))


def context_of(op: Case) -> Context:
    """From where the op's request is made."""
    given = dict(op.get("context", {}))
    return Context(**given | {"redirects": tuple(given.get("redirects", ()))})


def play(case: Case, profile: str) -> None:
    """Play the case on a new jar, and fail where it is not as the case says."""
    jar, now = Jar(profile), START
    for op in case["ops"]:
        context = context_of(op)
        if "set" in op:
            lines = [expand(line) for line in op["lines"]]
            verdicts = jar.receive(
                expand(op["set"]),
                lines,
                now=now,
                api=op.get("api", "http"),
                context=context,
                status=op.get("status", 200),
            )
            assert len(verdicts) == len(lines)
            if "rule" in op:
                rule = op["rule"] if isinstance(op["rule"], str) else op["rule"].get(profile, op["rule"]["*"])
                refused = None if verdicts[-1].kept else verdicts[-1].rule
                assert refused == rule, str(verdicts[-1])
        elif "get" in op:
            header = jar.cookie_header(
                expand(op["get"]), now=now, api=op.get("api", "http"), method=op.get("method", "GET"), context=context
            )
            assert header == expected(op, profile), op
        elif "advance_s" in op:
            now += timedelta(seconds=op["advance_s"])
        else:
            assert op == {"end_session": True}
            jar.end_session()
