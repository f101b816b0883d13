"""What a user agent keeps and sends, requirement by requirement (U1 to U42), in every profile."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path

import pytest

from tests.conformance.cases import PROFILES, Case, play, user_agent_cases
from tuile.user_agent.jar import Jar

CASES = user_agent_cases()
# Cases of the IETF's http-state suite in the form that `TUILE_HTTP_STATE` names a file of; they are not part of this
# project.
HTTP_STATE = os.environ.get("TUILE_HTTP_STATE", "")


# Chromium drops a cookie without a name whose value has an equals sign. Firefox drops all without a name, and takes a
# text without an equals sign for a name.
NOT_PASSED: dict[str, tuple[str, ...]] = {
    "chromium": ("NAME0017", "NAME0025"),
    "firefox": (
        *("0004", "0021", "0023", "0024", "0025", "0026", "0027", "0028", "CHROMIUM0009", "CHROMIUM0010"),
        *("CHROMIUM0012", "MOZILLA0012", "MOZILLA0014", "MOZILLA0015", "MOZILLA0016", "MOZILLA0017", "NAME0017"),
        *("NAME0023", "NAME0025", "NAME0028", "NAME0031", "NAME0032", "NAME0033"),
    ),
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_case_is_as_it_says(case: Case, profile: str) -> None:
    play(case, profile)


def test_every_requirement_of_a_user_agent_has_a_case() -> None:
    # U36 is about more cookies than one would write into a case: tests/test_user_agent_jar.py has it.
    numbers = {int(number) for case in CASES for number in re.findall(r"^U(\d+) ", case["id"])}
    assert numbers | {36} == set(range(1, 43))


def test_every_case_has_an_id_of_its_own() -> None:
    ids = [case["id"] for case in CASES]
    assert len(set(ids)) == len(ids)


@pytest.mark.skipif(not HTTP_STATE, reason="TUILE_HTTP_STATE names no file")
def test_the_http_state_suite_passes() -> None:
    cases = json.loads(Path(HTTP_STATE).read_text(encoding="utf-8"))
    assert len(cases) == 222
    for profile in PROFILES:
        failed = {case["id"] for case in cases if not passes(case, profile)}
        # Those that the browser fails as well, by `make browsers`.
        assert failed == {f"http-state-bis:{id_}" for id_ in NOT_PASSED.get(profile, ())}


def passes(case: Case, profile: str) -> bool:
    jar, now = Jar(profile), datetime.fromisoformat(case["now"].replace("Z", "+00:00"))
    headers = []
    for op in case["ops"]:
        if op["op"] == "set":
            jar.receive(op["url"], op["cookies"], now=now, api="http" if op["api"] == "http" else "script")
        else:
            headers.append(jar.cookie_header(op["url"], now=now) == op["expect"])
    return all(headers)
