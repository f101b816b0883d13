"""The jar's `chromium` profile and a real Chromium agree.

Each line is sent over HTTP on this machine, over http or https, from a host of its own. Then Chromium and the jar must
send the same Cookie fields and store the same cookies. `EXCEPTIONS` explains where they differ.
"""

from __future__ import annotations

import json
import random
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.chromium_driver import CHROMIUM, Driver, expected_octets, is_simple, octets, play_batch
from tests.browser.conftest import find_chromium
from tests.browser.cookie_server import Answer, CookieServer
from tests.conformance.cases import Case, expand, expected, user_agent_cases
from tuile.user_agent.jar import Jar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext

HERE = Path(__file__).parent
# Patterns of cases and lines of which Chromium is of another mind, each with its reason. All that match have to differ.
EXCEPTIONS: list[dict[str, str]] = json.loads((HERE / "chromium_exceptions.json").read_text(encoding="utf-8"))
HAND_PICKED: list[str] = json.loads((HERE / "chromium_lines.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Return the Chromium of an ordinary user: new contexts are incognito and block third-party cookies."""
    with sync_playwright() as playwright:
        folder = tmp_path_factory.mktemp("profile")
        # What a user has who has not looked for the setting: third parties may have cookies.
        preferences = folder / "Default" / "Preferences"
        preferences.parent.mkdir()
        preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}))
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=find_chromium(), args=CHROMIUM, ignore_https_errors=True
        )
        yield context
        context.close()


@pytest.fixture
def context(profile: BrowserContext) -> BrowserContext:
    """Return the user's Chromium without cookies."""
    profile.clear_cookies()
    return profile


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CookieServer]:
    server = CookieServer(tmp_path_factory.mktemp("certificate"))
    yield server
    server.stop()


# --- lines ------------------------------------------------------------------------------------------------------------


def generated_lines(number: int) -> list[str]:
    """Return lines of valid, nearly valid and invalid parts, the same in every run."""
    choose = random.Random(6265)
    names = ["a", "a b", "__Host-a", "__Secure-a", "__Http-a", "__host-http-a", "__HOST-a", "é", '"a"', "", "a\t"]
    values = ["b", "", "b=c", '"b c"', "b,c", "\xc3\xa9", "__Host-b", " b ", "b\t", "%20", "v" * 4094]
    attributes = [
        *[
            "Secure",
            "secure=0",
            "HttpOnly",
            "Partitioned",
            "SameSite=None",
            "SameSite=lax",
            "SameSite=Strict",
            "SameSite=x",
        ],
        *[
            "Path=/",
            "Path=/a",
            "Path=/a/",
            "Path=/A",
            "Path=a",
            "Path=",
            "path =/a/b",
            f"Path=/{'p' * 1024}",
            "Path=/a/%62",
        ],
        *[
            "Domain={host}",
            "Domain=.{host}",
            "Domain=www.{host}",
            "Domain=test",
            "Domain=",
            "Domain=.",
            "Domain=x.{host}",
            "Domain={host}.",
        ],
        *[
            "Max-Age=6000",
            "Max-Age=0",
            "Max-Age=-1",
            "Max-Age=+900",
            "Max-Age=x",
            "Max-Age=",
            "Max-Age=99999999",
            "Max-Age = 700",
        ],
        *[
            "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "Expires=1 Jan 2090 0:0:0",
            "Expires=01-Jan-69 00:00:00",
            "Expires=0",
        ],
        *[
            "Expires=31 Feb 1999 00:00:00",
            "Expires=1 Jan 1999 24:00:00",
            "expires=1/jan/1999/1:1:1",
            "Expires=Jan 1999 1:1:1",
        ],
        *["Priority=High", "Priority=x", "Version=1", "", "=", "x=\x01", "x\ty", "x=y\tz", "Comment=é"],
    ]
    lines = []
    for _ in range(number):
        pair = (
            "=".join([choose.choice(names), choose.choice(values)]) if choose.random() < 0.9 else choose.choice(values)
        )
        some = [choose.choice(attributes) for _ in range(choose.choice([0, 1, 1, 2, 2, 3, 4]))]
        lines.append(choose.choice(["; ", ";", " ; "]).join([pair, *some]))
    return lines


@pytest.fixture(scope="module")
def outcomes(profile: BrowserContext, server: CookieServer) -> dict[str, tuple[Any, Any]]:
    """Return for each line what the jar and what Chromium made of it."""
    lines = list(dict.fromkeys([*HAND_PICKED, *generated_lines(160)]))
    page = profile.new_page()
    asked: list[tuple[str, list[str], list[Answer]]] = []
    chain: list[tuple[str, Answer]] = []
    for number, line in enumerate(lines):
        scheme = "https" if number % 2 else "http"
        host = f"www.c{number}.test"
        urls = [f"{scheme}://{host}/a/b", f"{scheme}://{host}/a/b", f"http://{host}/", f"{scheme}://x.c{number}.test/a"]
        own = line.replace("{host}", f"c{number}.test")
        answers = [Answer(lines=(octets(expand(own)),)), Answer(), Answer(), Answer()]
        asked.append((own, urls, answers))
        chain += zip(urls, answers, strict=True)
    play_batch(page, server, chain)
    known = {cookie["domain"].lstrip("."): cookie for cookie in profile.cookies()}
    page.close()
    found = {}
    for number, (line, (own, urls, answers)) in enumerate(zip(lines, asked, strict=True)):
        jar = Jar("chromium")
        now = datetime.fromtimestamp(answers[0].at_s, timezone.utc)
        jar.receive(urls[0], [octets(expand(own))], now=now)
        ours: list[Any] = [jar.cookie_header(url, now=now) for url in urls[1:]]
        theirs: list[Any] = [answer.cookie for answer in answers[1:]]
        cookies = jar.cookies(now)
        kept = known.get(f"www.c{number}.test") or known.get(f"c{number}.test")
        ours.append(facts_of_ours(cookies[0]) if cookies else None)
        theirs.append(facts_of_theirs(kept, now) if kept else None)
        if cookies and kept and cookies[0].expires is not None:
            assert abs(cookies[0].expires.timestamp() - kept["expires"]) < 5, line
        found[line] = (ours, theirs)
    return found


def facts_of_ours(cookie: Any) -> tuple[Any, ...]:
    domain = cookie.domain if cookie.host_only else f".{cookie.domain}"
    samesite = "Lax" if cookie.samesite == "Default" else cookie.samesite
    return (
        domain,
        cookie.path,
        cookie.secure,
        cookie.httponly,
        samesite,
        cookie.expires is not None,
        cookie.partition is not None,
    )


def facts_of_theirs(cookie: Any, now: datetime) -> tuple[Any, ...]:
    keys = ("domain", "path", "secure", "httpOnly", "sameSite")
    return *(cookie[key] for key in keys), cookie["expires"] > now.timestamp(), bool(cookie.get("partitionKey"))


def is_excepted(name: str) -> bool:
    return any(re.search(exception["pattern"], name) for exception in EXCEPTIONS)


def told(different: dict[str, tuple[Any, Any]]) -> str:
    """Describe the differences that no exception covers."""
    new = ((name, both) for name, both in different.items() if not is_excepted(name))
    return "\n".join(f"{name!r}\n  jar      {ours}\n  Chromium {theirs}" for name, (ours, theirs) in new)


def test_there_are_at_least_300_lines_and_many_are_kept(outcomes: dict[str, tuple[Any, Any]]) -> None:
    kept = sum(theirs[-1] is not None for _, theirs in outcomes.values())
    assert len(outcomes) >= 300
    assert kept >= 100
    assert len(outcomes) - kept >= 100


def test_the_jar_and_chromium_make_the_same_of_every_line(outcomes: dict[str, tuple[Any, Any]]) -> None:
    different = {line: both for line, both in outcomes.items() if both[0] != both[1]}
    assert not told(different)
    assert {line for line in outcomes if is_excepted(line)} <= set(different), "has come to agree"


# --- the conformance cases --------------------------------------------------------------------------------------------

_here = re.compile(r"example\.test", re.IGNORECASE)
CASES = {case["id"]: case for case in user_agent_cases()}
SIMPLE = [case for case in CASES.values() if is_simple(case)]
STAGED = [case for case in CASES.values() if not is_simple(case) and Driver.can_play(case)]


def test_chromium_does_as_the_simple_conformance_cases_say(context: BrowserContext, server: CookieServer) -> None:
    chain: list[tuple[str, Answer]] = []
    gets: list[tuple[Case, str, Answer]] = []
    for number, case in enumerate(SIMPLE):
        for op in json.loads(_here.sub(f"s{number}.test", json.dumps(case["ops"]))):
            if "set" in op:
                chain.append((expand(op["set"]), Answer(lines=tuple(octets(expand(line)) for line in op["lines"]))))
            else:
                answer = Answer()
                chain.append((expand(op["get"]), answer))
                gets.append((case, expected_octets(expected(op, "chromium")), answer))
    page = context.new_page()
    play_batch(page, server, chain)
    page.close()
    different = {case["id"]: (expect, answer.cookie) for case, expect, answer in gets if answer.cookie != expect}
    assert not told(different)
    assert {case["id"] for case in SIMPLE if is_excepted(case["id"])} <= set(different), "has come to agree"


@pytest.mark.parametrize("case", STAGED, ids=lambda case: case["id"])
def test_chromium_does_as_the_staged_conformance_case_says(
    case: Case, context: BrowserContext, server: CookieServer
) -> None:
    driver = Driver(context, server)
    different = driver.play(case)
    driver.page.close()
    assert (different != []) is is_excepted(case["id"]), different


# --- too many ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        [f"c{number}=1" for number in range(200)],
        [f"c{number}=1{'; Secure' if number % 3 == 0 else ''}" for number in range(181)],
        [f"c{number}=1; Priority={('Low', 'Medium', 'High')[number % 3]}" for number in range(220)],
        [f"c{n}=1; Priority={('High', 'Low')[n % 2]}{'; Secure' if n % 5 else ''}" for n in range(190)],
        [f"c{number}=1; Priority=High; Secure" for number in range(185)],
        [f"c{number:02}={'x' * 1021}; Secure; Partitioned" for number in range(12)],
        ["c=1", *(f"c{number}=1; Secure; Partitioned; Priority=High" for number in range(183))],
    ],
    ids=[
        "plain",
        "some are Secure",
        "of three priorities",
        "of two, some Secure",
        "all alike and Secure",
        "ten kilobytes of a partition",
        "a partition",
    ],
)
def test_chromium_drops_the_same_when_there_are_too_many(
    lines: list[str], context: BrowserContext, server: CookieServer
) -> None:
    page = context.new_page()
    url = "https://www.example.test/"
    setting, getting = Answer(lines=tuple(line.encode() for line in lines)), Answer()
    play_batch(page, server, [(url, setting), (url, getting)])
    page.close()
    jar, now = Jar("chromium"), datetime.fromtimestamp(setting.at_s, timezone.utc)
    jar.receive(url, lines, now=now)
    assert jar.cookie_header(url, now=now) == getting.cookie
