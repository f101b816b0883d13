"""Write the cases of cookies/*.json: `python -m tests.browser.make_cases`. The same in every run.

A file has cases of one kind. A text is a Set-Cookie line, in which `{host}` is the registrable domain; other cases have
the form of tests/conformance/cases.py, without expectations. `load` reads them all.
"""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

from tests.conformance.cases import Case, user_agent_cases

FOLDER = Path(__file__).parent / "cases"
HERE = Path(__file__).parent
WWW, PLAIN = "https://www.c.test/a/b", "http://www.c.test/a/b"
EVIL = "https://evil.test/"


def load() -> list[Case]:
    """Return all cases, those of tests/conformance among them."""
    cases = []
    for file in sorted(FOLDER.glob("*.json")):
        for number, entry in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            case = _line_case(entry, number, file.stem) if isinstance(entry, str) else dict(entry)
            cases.append({"id": f"{file.stem} {number}: {case.pop('id', entry)}"[:160], "kind": file.stem, **case})
    own = [{"id": case["id"], "kind": "conformance", "ops": case["ops"]} for case in user_agent_cases()]
    return [*cases, *own]


def _line_case(line: str, number: int, kind: str) -> Case:
    """Return the case of one line: it is set over http or https, and what is sent is seen at three URLs."""
    site = f"c{number}-{kind}.test"
    scheme = "https" if number % 2 else "http"
    url = f"{scheme}://www.{site}/a/b"
    own = line.replace("{host}", site)
    gets = [{"get": url}, {"get": f"http://www.{site}/"}, {"get": f"{scheme}://x.{site}/a"}]
    return {"site": site, "ops": [{"set": url, "lines": [own]}, *gets]}


# --- lines ------------------------------------------------------------------------------------------------------------

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def dates() -> list[str]:
    """Return lines whose dates have many forms, in the past, the future and not at all."""
    fixed = [
        *("1 Jan 2090 00:00:00", "1 Jan 2090", "Jan 2090", "2090", "1/1/70", "1/1/2090", "13/1/2090", "2090/1/13"),
        *("1-1-90", "31-12-90 10:00:00", "12-31-2090", "90-12-31", "1/2/3/4", "0/0/90", "13/13/2090", "1/1/90x"),
        *("30 Feb 2090 00:00:00", "31 Apr 2090", "32 Jan 2090", "0 Jan 2090", "00 Jan 2090 0:0:0", "99 Jan 2090"),
        *("1 Jan 2090 24:00:00", "1 Jan 2090 23:60:00", "1 Jan 2090 23:59:60", "1 Jan 2090 25:00", "1 Jan 2090 1:2"),
        *("1 Jan 2090 1:2:3:4", "1 Jan 2090 100:00:00", "1 Jan 2090 1:200:3", "1 Jan 2090 1:", "1 Jan 2090 :1:1"),
        *("1 Jan 1600 00:00:00", "1 Jan 1601 00:00:00", "1 Jan 999 00:00:00", "1 Jan 0001 0:0:0", "1 Jan 12345 0:0:0"),
        *("1 Jan 40000 0:0:0", "1 Jan 123456 0:0:0", "1 Jan 69 0:0:0", "1 Jan 70 0:0:0", "1 Jan 99 0:0:0"),
        *("1 Jan 9 0:0:0", "1 Jan 100 0:0:0", "Thu Jan 01 2090 00:00:00 GMT+0100 (CET)", "2090-01-01T00:00:00Z"),
        *(
            "2090-01-01",
            "2090-1-1 10:00",
            "20900101",
            "Sun, 06-Nov-2094 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
        ),
        *("Sun Nov  6 08:49:37 2094", "06 Nov 2094 08:49:37", "Sun, 06 Nov 2094", "6Nov2094", "6 Nov2094", "6Nov 2094"),
        *("Nov 6, 2094 08:49:37", "6th Nov 2094 08:49:37", "Nov 6th 2094 08:49:37", "6. Nov 2094 08:49:37"),
        *("tomorrow", "never", "0", "-1", "1", "now", "Thu", "00:00:00", "GMT", "Jan", "12 Jan", "x 1 Jan 2090 1:1:1"),
        *(
            "January 1 2090",
            "JAN 1 2090",
            "janvier 1 2090",
            "Sept 1 2090",
            "Mai 1 2090",
            "Ma 1 2090",
            "Augustus 1 2090",
        ),
        *(
            "1 Jan Feb 2090",
            "1 2 Jan 2090",
            "1 Jan 2090 2091",
            "1 Jan 90 91",
            "40 Jan 10",
            "40 Jan 90",
            "1 Jan 90 2090",
        ),
        *("(1 Jan 2090)", "[1 Jan 2090]", '"1 Jan 2090"', "1_Jan_2090", "1.Jan.2090", "1,Jan,2090", "1\tJan\t2090"),
        *("Jan-1-2090", "1-Jan-2090", "1-Jan-90", "1--Jan--2090", "1-Jan-2090-1:1:1", "-1 Jan 2090", "1 -Jan 2090"),
        *("Wed, 09 Nov 1999 23:12:40 GMT", "1 Jan 1999 24:00:00", "31 Dec 1969 23:59:59", "1 Jan 1970 0:0:0 +0500"),
    ]
    zones = ["GMT", "UTC", "UT", "Z", "EST", "EDT", "PST", "CET", "JST", "BST", "MET", "AST", "NST", "+0500", "-0800"]
    zones += ["GMT+0200", "GMT-0930", "GMT+2", "GMT +02", "+05:00", "+12345", "EST+0100", "(PDT)", "utc+1", "pdt", "X"]
    clocks = ["10:00", "1:00 PM", "12:00 am", "12:30 AM", "12:30 pm", "13:00 PM", "1:00PM", "01:00:00 p.m.", "0:00 PM"]
    near = "21 Nov 2027 12:00:00"
    made = [f"{near} {zone}" for zone in zones] + [f"21 Nov 2027 {clock}" for clock in clocks]
    choose = random.Random(1994)
    for _ in range(150):
        parts = [
            choose.choice(["", "Sun,", "Monday", "thu "]),
            choose.choice(["1", "06", "31", "30", "45", "7th", "029"]),
            choose.choice([*MONTHS, "june", "SEPTEMBER", "Ju", "13", "2"]),
            choose.choice(["2027", "27", "1999", "99", "70", "69", "02027", "202", "1600", "3", "2090"]),
            choose.choice(["", "10:00:00", "1:2:3", "23:59:59", "24:1:1", "7:00", "12:00 PM", "1:1:1.5", "8"]),
            choose.choice(["", "", "GMT", *zones]),
        ]
        if choose.random() < 0.3:
            choose.shuffle(parts)
        made.append(choose.choice([" ", "-", "/", ", ", "  "]).join(parts).strip())
    return [f"a=b; Expires={date}" for date in dict.fromkeys([*fixed, *made])]


def pairs() -> list[str]:
    """Return lines with all sorts of names and values."""
    names = [
        "a",
        "",
        " ",
        "a b",
        "\ta",
        "a\tb",
        '"a"',
        "a,b",
        "\xc3\xa9",
        "\xe9",
        "\x80",
        "a\x7f",
        "a\x01",
        "=a",
        "__Host-",
    ]
    values = [
        None,
        "",
        "b",
        "b=c",
        "=",
        " b ",
        "b\tc",
        '"b',
        "b,c",
        "\xc3\xa9",
        "\xe9",
        "\xed\xa0\x80",
        "b\x7f",
        "__Host-b",
    ]
    return list(
        dict.fromkeys(
            name if value is None else f"{name}={value}" for name in names for value in values if name != "\x7f"
        )
    )


def ages() -> list[str]:
    """Return lines with all sorts of Max-Age, alone and beside others."""
    texts = [
        "0",
        "1000",
        "5000",
        "-1",
        "-0",
        "+5000",
        "+0",
        "00",
        "007000",
        "5.5",
        "5s",
        "1e3",
        "0x5",
        "",
        " 5000",
        "5 5",
        "- 1",
        "--1",
        "-x",
    ]
    texts += [
        "9" * 9,
        "9" * 18,
        "9" * 19,
        "9" * 20,
        "9" * 40,
        f"-{'9' * 40}",
        "34560000",
        "34560001",
        "\xb2",
        "-",
        "+",
        '"5"',
    ]
    past, future = "Thu, 01 Jan 1970 00:00:00 GMT", "Wed, 01 Jan 2090 00:00:00 GMT"
    alone = [f"a=b; Max-Age={text}" for text in texts]
    both = [f"a=b; Max-Age={age}; Expires={date}" for age in ("5000", "0", "x", "") for date in (past, future, "x", "")]
    twice = [f"a=b; Max-Age={one}; Max-Age={two}" for one in ("5000", "0", "x", "") for two in ("5000", "0", "x", "")]
    dated = [f"a=b; Expires={one}; Expires={two}" for one in (past, future, "x", "") for two in (past, future, "x", "")]
    return alone + both + twice + dated


def scopes() -> list[str]:
    """Return lines with all sorts of Domain and Path."""
    domains = [
        "{host}",
        ".{host}",
        "..{host}",
        "{host}.",
        "www.{host}",
        ".www.{host}",
        "WWW.{host}",
        "x.{host}",
        "test",
        ".test",
    ]
    domains += [
        "",
        ".",
        "..",
        " ",
        "other.test",
        "w.{host}",
        "w{host}",
        "{host}:80",
        '"{host}"',
        "*.{host}",
        "%63.test",
    ]
    domains += [
        "http://{host}",
        "{host}/",
        "www.{host}.",
        "b\xfccher.test",
        "b\xc3\xbccher.test",
        "xn--bcher-kva.test",
        "xn--a.{host}",
    ]
    domains += [
        "www..{host}",
        "127.0.0.1",
        "localhost",
        "{host}\t",
        "\t{host}",
        "www. {host}",
        "\xe2\x80\x8b{host}",
        "w" * 1025,
    ]
    paths = [
        "/",
        "/a",
        "/a/",
        "/a/b",
        "/a/b/",
        "/A",
        "/a/b/c",
        "a",
        "",
        " /a",
        "/a b",
        "/a\tb",
        "\t/a",
        "/%61",
        "/a%2Fb",
        "//",
        "//a",
    ]
    paths += ["/../a", "/a?x", "/a#x", '"/"', "/\xe9", "/\xc3\xa9", "/a;b", "/a,b", "/a\x7f", "/a\x01"]
    paths += [f"/{'p' * 1022}", f"/{'p' * 1023}", f"/{'p' * 1024}", f"/a; Path=/{'p' * 1024}"]
    some = [
        f"a=b; Domain={one}; Domain={two}" for one in ("{host}", "", "x") for two in ("www.{host}", "", "other.test")
    ]
    some += [f"a=b; Path={one}; Path={two}" for one in ("/", "", "x") for two in ("/a", "", "x")]
    return [f"a=b; Domain={domain}" for domain in domains] + [f"a=b; Path={path}" for path in paths] + some


def flags() -> list[str]:
    """Return lines with flags, SameSite and Priority in all sorts of spelling."""
    texts = [
        "Secure",
        "secure=0",
        "SECURE=false",
        " Secure ",
        "Secure=",
        "Secure ; HttpOnly",
        "HttpOnly",
        "httponly=no",
    ]
    texts += ["Partitioned", "Partitioned; Secure", "partitioned=0; Secure", "Secure; Partitioned; SameSite=None"]
    texts += ["SameSite", "SameSite=", "SameSite=None", "SameSite=None; Secure", "SameSite=LAX", "SameSite=strict"]
    texts += ["SameSite=foo", "SameSite=Strict; SameSite=foo", "SameSite=foo; SameSite=Strict", 'SameSite="Lax"']
    texts += ["SameSite=Lax; SameSite=None; Secure", "SameSite=None; SameSite=Lax", "Priority=High", "Priority=x"]
    texts += [
        f"{flag}={'x' * length}" for flag in ("Secure", "HttpOnly", "Partitioned; Secure") for length in (1024, 1025)
    ]
    texts += [
        f"SameSite=Strict{' ' * 1030}",
        f"SameSite=Strict; SameSite={'x' * 1025}",
        f"x={'y' * 5000}",
        f"{'x' * 5000}=y",
    ]
    texts += [
        "x\ty",
        "x=y\tz",
        "x=\x01",
        "\x01",
        "x=\x7f",
        "=",
        ";",
        "; ;",
        "x=\xc3\xa9",
        "x=\xe9",
        "\xe9=x",
        "Version=1",
    ]
    return [f"a=b; {text}" for text in texts]


def names_with_prefixes() -> list[str]:
    """Return lines with prefixes that keep their promise or do not."""
    names = [
        "__Secure-a",
        "__Host-a",
        "__Http-a",
        "__Host-Http-a",
        "__HOST-a",
        "__host-http-a",
        "__Host-",
        "__HostX",
        " __Host-a",
    ]
    sets = [
        "",
        "Secure",
        "Secure; Path=/",
        "Secure; Path=/; HttpOnly",
        "Secure; HttpOnly",
        "Secure; Path=/; Domain={host}",
    ]
    sets += ["Secure; Path=/a", "Path=/", "Secure; Path=/; HttpOnly; Domain=www.{host}"]
    made = ["; ".join(filter(None, (f"{name}=b", some))) for name in names for some in sets]
    hidden = ["=__Host-a", "__Host-a", "=__secure-a=b", "= __Host-x=b", "=__Http-a", "__Hos-a", "=a__Host-"]
    return [*made, *(f"{line}; Secure; Path=/" for line in hidden), *hidden]


def sizes() -> list[str]:
    """Return lines at the limits of size."""
    made = [f"a={{{number} x}}" for number in (4093, 4094, 4095, 4096, 4097)]
    made += [f"{{{number} n}}=x" for number in (4094, 4095, 4096)] + [
        "={4095 x}",
        "={4096 x}",
        "={4097 x}",
        "{4096 n}",
        "{4097 n}",
    ]
    return [*made, "a={2047 \xc3\xa9}", "a={4095 \xe9}", "a={4096 \xe9}", "a= {4095 x} ", "a={4095 x}; Path=/{1023 p}"]


def mixed(number: int) -> list[str]:
    """Return lines of parts from all kinds."""
    choose = random.Random(6265)
    attributes = [line.partition("; ")[2] for kind in (scopes(), flags(), ages(), dates()[:40]) for line in kind]
    names = [
        "a",
        "a b",
        "__Host-a",
        "__Secure-a",
        "__Http-a",
        "__host-http-a",
        "__HOST-a",
        "\xc3\xa9",
        '"a"',
        "",
        "a\t",
        "b=c",
    ]
    lines = []
    for _ in range(number):
        pair = "=".join([choose.choice(names), choose.choice(["b", "", "b=c", '"b c"', " b ", "%20", "b,c"])])
        lines.append("; ".join([pair, *(choose.choice(attributes) for _ in range(choose.choice([1, 2, 2, 3, 4])))]))
    return lines


# --- visits -----------------------------------------------------------------------------------------------------------


def case(id_: str, *ops: dict[str, Any]) -> Case:
    """Return a case."""
    return {"id": id_, "ops": list(ops)}


def set_(url: str, *lines: str, **how: Any) -> dict[str, Any]:
    """Return an op that sets cookies."""
    return {"set": url, "lines": list(lines), **how}


def get(url: str, **how: Any) -> dict[str, Any]:
    """Return an op that sends cookies."""
    return {"get": url, **how}


FOUR = [
    "s=1; SameSite=Strict; Path=/",
    "l=1; SameSite=Lax; Path=/",
    "n=1; SameSite=None; Secure; Path=/",
    "d=1; Path=/",
]
FOUR_PLAIN = [FOUR[0], FOUR[1], FOUR[3]]
SITES = {
    "own": "https://www.c.test/",
    "sibling": "https://x.c.test/",
    "other": EVIL,
    "plain": "http://www.c.test/",
    "null": "null",
}


def same_site() -> list[Case]:
    """Return requests from all sorts of places, sending and setting cookies of all SameSites."""
    cases = []
    contexts: dict[str, dict[str, Any]] = {"typed": {}}
    for name, site in SITES.items():
        contexts[f"from {name}"] = {"initiator": site}
        if site != "null":
            contexts[f"in {name}"] = {"top_level_site": site}
    contexts["in own, from other"] = {"top_level_site": SITES["own"], "initiator": EVIL}
    contexts["in own, between"] = {"top_level_site": SITES["own"], "cross_site_ancestor": True}
    contexts["in own, other between"] = {"top_level_site": SITES["own"], "initiator": EVIL, "cross_site_ancestor": True}
    contexts["in other, from own"] = {"top_level_site": EVIL, "initiator": SITES["own"]}
    for name, context in contexts.items():
        for method in ("GET", "POST") if context else ("GET",):
            how = {"context": context, "method": method}
            if method == "POST" and (context.get("cross_site_ancestor") or "plain" in name):
                continue
            cases.append(case(f"{method} {name}", set_(WWW, *FOUR), get(WWW, **how)))
            cases.append(case(f"{method} {name}, set", set_(WWW, *FOUR, **how), get(WWW)))
            if "plain" not in name and method == "GET":
                # A page over https may not ask for anything over http.
                over_http = json.loads(json.dumps(how).replace("https:", "http:"))
                cases.append(case(f"over http {name}", set_(PLAIN, *FOUR_PLAIN), get(PLAIN, **over_http)))
    return cases


def redirects() -> list[Case]:
    """Return requests that come by way of other URLs."""
    cases = []
    ways = {"own": ["https://www.c.test/r"], "sibling": ["https://x.c.test/r"], "other": [f"{EVIL}r"]}
    ways |= {"plain": ["http://www.c.test/r"], "own and other": ["https://www.c.test/r", f"{EVIL}r"]}
    ways |= {"other and own": [f"{EVIL}r", "https://www.c.test/r"], "two others": [f"{EVIL}r", "https://login.test/r"]}
    origins: dict[str, dict[str, Any]] = {
        "typed": {"initiator": None},
        "from own": {"initiator": SITES["own"]},
        "from other": {"initiator": EVIL},
        "in own": {"top_level_site": SITES["own"]},
        "in other": {"top_level_site": EVIL},
    }
    for (name, way), (origin, context) in itertools.product(ways.items(), origins.items()):
        for method in ("GET", "POST") if context.get("initiator") else ("GET",):
            if name == "plain" and (method == "POST" or origin.startswith("in ")):
                continue  # mixed content, which browsers block
            given = {key: value for key, value in context.items() if value is not None}
            how = {"context": {**given, "redirects": way}, "method": method}
            cases.append(case(f"{method} {origin} by {name}", set_(WWW, *FOUR), get(WWW, **how)))
            if method == "GET":
                cases.append(case(f"{origin} by {name}, set", set_(WWW, *FOUR, **how), get(WWW)))
    return cases


def partitions() -> list[Case]:
    """Return cookies of frames and pages in several partitions."""
    cases = []
    lines = {
        "partitioned": "a=1; Secure; SameSite=None; Partitioned",
        "plain": "a=1; Secure; SameSite=None",
        "partitioned lax": "a=1; Secure; SameSite=Lax; Partitioned",
        "partitioned default": "a=1; Secure; Partitioned",
        "host": "__Host-a=1; Secure; Path=/; SameSite=None; Partitioned",
    }
    tops: dict[str, dict[str, Any]] = {
        "top": {},
        "in own": {"top_level_site": "https://c.test/"},
        "in a": {"top_level_site": "https://shop-a.test/"},
        "in b": {"top_level_site": "https://shop-b.test/"},
        "in a over http": {"top_level_site": "http://shop-a.test/"},
        "in own, between": {"top_level_site": "https://c.test/", "cross_site_ancestor": True},
    }
    for (name, line), (here, one) in itertools.product(lines.items(), tops.items()):
        gets = [get(WWW, context=other) if other else get(WWW) for other in tops.values()]
        cases.append(case(f"{name} {here}", set_(WWW, line, context=one) if one else set_(WWW, line), *gets))
    return cases


def places() -> list[Case]:
    """Return Secure cookies and prefixes over http, https and on this machine."""
    lines = [
        "a=1; Secure",
        "__Host-a=1; Secure; Path=/",
        "__Secure-a=1; Secure",
        "b=1; SameSite=None; Secure",
        "c=1; Partitioned; Secure",
    ]
    urls = [
        "http://c.test/",
        "https://c.test/",
        "http://localhost/",
        "http://a.localhost/",
        "http://127.0.0.1/",
        "http://127.9.8.7/",
    ]
    urls += [
        "http://128.0.0.1/",
        "http://[::1]/",
        "https://128.0.0.1/",
        "http://localhost.test/",
        "http://c.github.io/",
        "http://co.uk/",
    ]
    cases = [case(f"{url} {line}", set_(url, line), get(url)) for url in urls for line in lines]
    for url, domain in (
        *(("http://localhost/", domain) for domain in ("localhost", ".localhost", "")),
        *(("http://a.localhost/", domain) for domain in ("localhost", "a.localhost", "b.localhost")),
        *(("http://127.0.0.1/", domain) for domain in ("127.0.0.1", ".127.0.0.1", "0.0.1", "127.1")),
        *(("https://c.github.io/", domain) for domain in ("github.io", "c.github.io", ".c.github.io", "io")),
        *(("https://co.uk/", domain) for domain in ("co.uk", "uk", ".co.uk")),
        *(("https://test/", domain) for domain in ("test", ".test")),
        *(("http://[::1]/", domain) for domain in ("[::1]", "::1")),
    ):
        secure = "; Secure" if url.startswith("https") else ""
        cases.append(case(f"{url} Domain={domain}", set_(url, f"a=1; Domain={domain}{secure}"), get(url)))
        cases.append(
            case(f"{url} __Host- Domain={domain}", set_(url, f"__Host-a=1; Path=/; Secure; Domain={domain}"), get(url))
        )
    return cases


def stores() -> list[Case]:
    """Return cookies that meet stored ones."""
    cases = []
    olds = [
        "a=old; Secure",
        "a=old; Secure; Path=/a",
        "a=old; Secure; Domain=c.test; Path=/",
        "a=old; Secure; HttpOnly; Path=/",
    ]
    news = ["a=new", "a=new; Path=/", "a=new; Path=/a/b/c", "a=new; Domain=c.test", "a=; Max-Age=0", "a=new; Path=/x"]
    for old, new in itertools.product(olds, news):
        cases.append(case(f"{old} then {new} over http", set_(WWW, old), set_(PLAIN, new), get(WWW), get(PLAIN)))
        cases.append(
            case(f"{old} then {new} below", set_("https://c.test/a/b", old), set_(PLAIN, new), get(WWW), get(PLAIN))
        )
    for old, new in itertools.product(
        ["a=1; HttpOnly", "a=1; HttpOnly; Path=/", "a=1"], ["a=2", "a=2; Path=/", "a=; Max-Age=0", "a=2; HttpOnly"]
    ):
        cases.append(
            case(
                f"{old} then {new} by a script",
                set_(WWW, old),
                set_(WWW, new, api="script"),
                get(WWW),
                get(WWW, api="script"),
            )
        )
    for first, second in (
        ("a=1", "a=1"),
        ("a=1", "a=2"),
        ("a=1", "a=1; HttpOnly"),
        ("a=1; Max-Age=60", "a=1"),
        ("a=1", "a=; Max-Age=0"),
    ):
        cases.append(case(f"{first}, b, {second}", set_(WWW, first), set_(WWW, "b=1"), set_(WWW, second), get(WWW)))
    cases.append(
        case("longer paths first", set_(WWW, "a=1; Path=/", "b=1; Path=/a/b", "c=1; Path=/a", "d=1; Path=/"), get(WWW))
    )
    cases.append(case("nameless twice", set_(WWW, "a", "b", "=c", "d="), get(WWW)))
    return cases


def scripts() -> list[Case]:
    """Return what scripts set and read."""
    lines = [
        "a=1",
        "a",
        "=a",
        "=a=b",
        "",
        "=",
        "a=1; HttpOnly",
        "a=1; Secure",
        "__Host-a=1; Secure; Path=/",
        "__Http-a=1; Secure",
    ]
    lines += [
        "a=\u00e9",
        "a=\u20ac",
        "a=\U0001f36a",
        "a=\ud800",
        "\ud800=a",
        "a=\udc00b",
        "a=b\tc",
        "a=b\x01c",
        "a=b\x7f",
        "a=b; Domain=c.test",
    ]
    lines += [
        "a=1; Domain=b\u00fccher.test",
        "a=1; Path=/\u00e9",
        "a=1; Max-Age=60",
        "a=1; Max-Age=0",
        "a=1; SameSite=Strict",
        "a=1; SameSite=None",
    ]
    lines += [
        "a=1; Partitioned; Secure",
        "a=1; Expires=1 Jan 2090 0:0:0",
        f"a={'x' * 4095}",
        f"a={'x' * 4096}",
        f"a={chr(233) * 2048}",
        "a=1; Path=/a/b",
    ]
    cases = []
    for url, line in itertools.product((WWW, PLAIN), lines):
        cases.append(case(f"{url[:5]} {line}", set_(url, line, api="script"), get(url, api="script"), get(url)))
    cases += [
        case(f"read {value}", set_(WWW, f"a={value}", "b=1"), get(WWW, api="script"), get(WWW))
        for value in ("\xe9", "\xc3\xa9", "\xed\xa0\x80", "b\xff", "\xf0\x9f\x8d")
    ]
    for top in ("https://c.test/", EVIL):
        for line in (
            "a=1",
            "a=1; SameSite=None; Secure",
            "a=1; SameSite=None; Secure; Partitioned",
            "a=1; SameSite=Lax; Secure",
        ):
            how = {"api": "script", "context": {"top_level_site": top}}
            cases.append(case(f"in {top} {line}", set_(WWW, line, **how), get(WWW, **how), get(WWW)))
            cases.append(case(f"read in {top} {line}", set_(WWW, line), get(WWW, **how)))
    return cases


def too_many() -> list[Case]:
    """Return more cookies than are kept."""
    sets = {
        "plain": [f"c{number}=1" for number in range(200)],
        "some Secure": [f"c{number}=1{'; Secure' if number % 3 == 0 else ''}" for number in range(181)],
        "all Secure": [f"c{number}=1; Secure" for number in range(185)],
        "all Secure, one not": [*(f"c{number}=1; Secure" for number in range(180)), "last=1"],
        "of priorities": [f"c{number}=1; Priority={('Low', 'Medium', 'High')[number % 3]}" for number in range(220)],
        "of two hosts": [f"c{number}=1{'; Domain=c.test' if number % 2 else ''}" for number in range(190)],
        "partitioned": [f"c{number}=1; Secure; Partitioned" for number in range(185)],
        "partitioned and large": [f"c{number:02}={'x' * 1021}; Secure; Partitioned" for number in range(12)],
        "partitioned and larger": [f"c{number:02}={'x' * 1021}; Secure; Partitioned" for number in range(14)],
        "partitioned and very large": [f"c{number:02}={'x' * 3000}; Secure; Partitioned" for number in range(9)],
        "with and without an end": [
            *(f"c{number}=1; Max-Age=1000" for number in range(170)),
            *(f"d{number}=1" for number in range(30)),
        ],
    }
    return [case(name, set_(WWW, *lines), get(WWW)) for name, lines in sets.items()]


KINDS: dict[str, list[Any]] = {
    "ages": ages(),
    "dates": dates(),
    "flags": flags(),
    "hand-picked": json.loads((HERE / "chromium_lines.json").read_text(encoding="utf-8")),
    "mixed": mixed(240),
    "pairs": pairs(),
    "prefixes": names_with_prefixes(),
    "scopes": scopes(),
    "sizes": sizes(),
    "partitions": partitions(),
    "places": places(),
    "redirects": redirects(),
    "same-site": same_site(),
    "scripts": scripts(),
    "stores": stores(),
    "too-many": too_many(),
}


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(exist_ok=True)
    for kind, entries in KINDS.items():
        text = ",\n ".join(json.dumps(entry) for entry in entries)
        (FOLDER / f"{kind}.json").write_text(f"[\n {text}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
