"""`tuile prove`: an application's tests, or recorded requests, on Flask and on Tuile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuile.proving import replaying, runs, suites
from tuile.proving.exchanges import Answer, compare, varying
from tuile.proving.har import read_har
from tuile.proving.junit import Case, comparable, read_junit
from tuile.proving.normalizing import normalize
from tuile.proving.reports import Difference, Report, Table, as_data, as_html, as_text
from tuile.proving.sides import FLASK, TUILE, CannotCompare, check_witnesses, environment, interpreter_of
from tuile.proving.timing import judged, ratios, spread
from tuile.proving.turns import _replaced_tokens

if TYPE_CHECKING:
    from pathlib import Path

PYTEST = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


def prove(folder: Path, *arguments: str, code: int) -> tuple[Any, str]:
    """Run the command line as a user does, and return its JSON report and what it printed."""
    report = folder / "report.json"
    result = subprocess.run(
        [sys.executable, "-m", "tuile", "prove", "--json", str(report), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
    )
    assert result.returncode == code, result.stdout + result.stderr
    assert "tuile/cli/prove_command.py" not in result.stderr  # a traceback of its own
    return json.loads(report.read_text()) if report.exists() else None, result.stdout + result.stderr


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = .\n")


APP = """
    from flask import Flask, request, session

    app = Flask(__name__)
    app.secret_key = "a key of at least sixteen characters"

    @app.get("/")
    def index():
        return "hello"
"""


# --- tests ------------------------------------------------------------------------------------------------------------


def test_the_same_results_are_exit_code_0_and_have_times(tmp_path: Path) -> None:
    write(
        tmp_path,
        shop=APP,
        test_shop="""
            import pytest
            from shop import app

            def test_hello():
                assert app.test_client().get("/").text == "hello"

            @pytest.mark.xfail
            def test_not_yet():
                assert False

            def test_object():
                assert False, object()  # its address differs from run to run

            @pytest.mark.skip(reason="later")
            def test_later():
                pass
        """,
    )
    html = tmp_path / "report.html"
    report, text = prove(tmp_path, "--repeats", "2", "--html", str(html), "--", *PYTEST, code=0)
    assert report["verdict"] == "same"
    assert "4 tests: 4 end the same on both, 0 do not." in text
    assert "made by: tuile prove --json" in text
    assert sorted(case[FLASK][0]["outcome"] for case in report["tests"].values()) == [
        "failed",
        "passed",
        "skipped",
        "xfailed",
    ]
    times = report["times"]["the command, from start to end"]
    assert [times[side]["values"] for side in (FLASK, TUILE)] == [2, 2]
    assert times[FLASK]["least"] <= times[FLASK]["median"] <= times[FLASK]["greatest"]
    assert "<h1>Tests on Flask and on Tuile" in html.read_text()
    assert "3.1.3 with Werkzeug" in report["facts"]["Flask"]


def test_each_side_runs_what_it_is_named_after_and_what_differs_is_exit_code_1(tmp_path: Path) -> None:
    write(
        tmp_path,
        shop=APP,
        test_shop="""
            import os, sys
            import flask
            from shop import app

            def test_which():
                assert type(flask).__module__.startswith("tuile.") == (os.environ["TUILE_PROVE_SIDE"] == "tuile")

            def test_real_flask_has_no_tuile():
                assert os.environ["TUILE_PROVE_SIDE"] == "tuile" or "tuile" not in sys.modules

            def test_differs():
                assert os.environ["TUILE_PROVE_SIDE"] == "flask", "only \\x1b[31mthere"

            if os.environ["TUILE_PROVE_SIDE"] == "tuile":
                def test_only_here():
                    pass
        """,
    )
    report, text = prove(tmp_path, "--repeats", "1", "--", *PYTEST, code=1)
    found = {one["subject"]: one["what"] for one in report["differences"]}
    assert found == {
        "run 1": "the command ends differently",
        "test_shop::test_differs": "passed on Flask, failed on Tuile",
        "test_shop::test_only_here": "did not run on Flask, passed on Tuile",
    }
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("", "No tests ran."),
        ("import os, shop\nos._exit(3)\n", "On Tuile it ended with exit code 3"),
        ("def test_it(): pass\n", "No process on the side of Flask has imported Flask"),
    ],
)
def test_without_results_there_is_nothing_to_compare(tmp_path: Path, tests: str, said: str) -> None:
    write(tmp_path, shop=APP, test_shop=tests)
    report, text = prove(tmp_path, "--repeats", "1", "--", *PYTEST, code=2)
    assert report is None
    assert said in text


def test_a_crash_of_one_side_is_a_difference(tmp_path: Path) -> None:
    tests = """
        import os, shop

        def test_it():
            if os.environ["TUILE_PROVE_SIDE"] == "tuile":
                os._exit(7)
    """
    write(tmp_path, shop=APP, test_shop=tests)
    report, _ = prove(tmp_path, "--repeats", "1", "--", *PYTEST, code=1)
    assert "ended with exit code 7" in report["differences"][0]["tuile"]
    assert report["differences"][1]["what"] == "passed on Flask, did not run on Tuile"


def test_a_test_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    program = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    done = runs.run([sys.executable, "-c", f"{program} time.sleep(600)"], os.environ, 0.5, str(tmp_path / "output"))
    assert done.code is None
    assert "was stopped after" in done.ending()


def test_a_side_that_hangs_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def fake(side: str, *_: object) -> suites._Round:
        ran.append(side)
        if side == TUILE:
            return suites._Round(runs.Run(None, 9.0, None, "..."), {})
        return suites._Round(runs.Run(0, 1.0, 1.0, ""), {"a": Case("passed", "", 0.1)})

    monkeypatch.setattr(suites, "_run", fake)
    report = suites.prove_suite(
        [sys.executable, "-m", "pytest"], called="pytest", repeats=5, timeout_s=9, made_by="", tell=lambda _: None
    )
    assert ran == [FLASK, TUILE]
    assert [one.what for one in report.differences] == [
        "the command ends differently",
        "passed on Flask, did not run on Tuile",
    ]
    assert "was stopped after 9 s" in report.differences[0].tuile


def test_tests_that_end_in_different_ways_from_run_to_run_are_told_apart() -> None:
    def rounds(*outcomes: str) -> list[suites._Round]:
        return [suites._Round(runs.Run(0, 1, 1, ""), {"a": Case(outcome, "", 0.1)}) for outcome in outcomes]

    report = Report("", "", {})
    suites._compare(report, {FLASK: rounds("passed", "failed"), TUILE: rounds("failed", "passed")})
    assert report.differences == []
    assert "in different ways from run to run" in report.remarks[0]
    suites._compare(report, {FLASK: rounds("passed", "passed"), TUILE: rounds("failed", "passed")})
    assert [one.what for one in report.differences] == ["passed on Flask, failed or passed on Tuile"]


def test_other_runners_name_their_file() -> None:
    assert suites.with_junit(["/bin/nose2", "--junit={junit}"], "/f.xml") == ["/bin/nose2", "--junit=/f.xml"]
    assert suites.with_junit(["/bin/python", "-m", "pytest"], "/f.xml")[-1] == "--junitxml=/f.xml"
    with pytest.raises(CannotCompare, match="How does nose2 write JUnit XML"):
        suites.with_junit(["/bin/nose2"], "/f.xml")


def test_the_environments_of_the_sides() -> None:
    base = {"PYTHONPATH": os.pathsep.join(["/a", "/b"]), "FLASK_RUN_FROM_CLI": "true", "TUILE_SHIM": "0"}
    tuile = environment(TUILE, "/w", base)
    flask = environment(FLASK, "/w", tuile)
    assert flask["TUILE_SHIM"] == "0"
    assert "TUILE_SHIM" not in tuile
    assert flask["PYTHONPATH"].split(os.pathsep)[-2:] == ["/a", "/b"]
    assert not any(entry.endswith("start") for entry in flask["PYTHONPATH"].split(os.pathsep))
    assert tuile["PYTHONPATH"].split(os.pathsep)[0].endswith("start")
    assert "FLASK_RUN_FROM_CLI" not in flask


def test_witnesses_must_agree_with_their_side(tmp_path: Path) -> None:
    folders = {side: str(tmp_path / side) for side in (FLASK, TUILE)}
    for folder in folders.values():
        os.mkdir(folder)
    with pytest.raises(CannotCompare, match="has imported Flask"):
        check_witnesses(folders)
    for side in folders:
        (tmp_path / side / "1.txt").write_text(f"{side}\n")
    check_witnesses(folders)
    (tmp_path / FLASK / "2.txt").write_text("tuile\n")
    with pytest.raises(CannotCompare, match="has run on Tuile"):
        check_witnesses(folders)


def test_without_flask_itself_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from tuile.proving import sides  # noqa: PLC0415

    monkeypatch.setattr(sides, "_ASK", "import json; print(json.dumps({'is_tuile': True}))")
    with pytest.raises(CannotCompare, match=r"-m pip install flask==3\.1"):
        sides.find_facts(sys.executable)
    with pytest.raises(CannotCompare, match="Flask itself is not installed for /nowhere/python"):
        sides.find_facts("/nowhere/python")


def test_the_interpreter_of_a_program_is_that_of_its_first_line(tmp_path: Path) -> None:
    program = tmp_path / "pytest"
    program.write_text(f"#!{sys.executable}\n")
    assert interpreter_of([str(program)]) == sys.executable
    program.write_bytes(b"\x7fELF\xff")
    assert interpreter_of([str(program)]) == sys.executable
    assert interpreter_of(["/usr/bin/python3", "-m", "pytest"]) == "/usr/bin/python3"
    program.write_text("#!/bin/sh\n")
    assert interpreter_of([str(program)]) == sys.executable


# --- JUnit ------------------------------------------------------------------------------------------------------------


def junit(folder: Path, text: str | bytes) -> dict[str, Case]:
    path = folder / "junit.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_junit(str(path))


def test_junit_xml_is_read(tmp_path: Path) -> None:
    found = junit(
        tmp_path,
        """<testsuites><testsuite><testcase classname="a" name="one" time="0.5"/>
        <testcase classname="a" name="one" time="x"><failure message="no"/></testcase>
        <testcase name="two"><skipped type="pytest.xfail" message="later"/></testcase>
        <testcase classname="a" name="one"><error>at the end</error></testcase><testcase/>
        </testsuite></testsuites>""",
    )
    assert found == {
        "a::one": Case("passed", "", 0.5),
        "a::one #2": Case("failed", "no", 0.0),
        "two": Case("xfailed", "later", 0.0),
        "a::one (teardown)": Case("error", "at the end", 0.0),
        "(without a name)": Case("passed", "", 0.0),
    }


@pytest.mark.parametrize("text", ["", "<a", b"\xff\xfe\x00", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&d;</a>"])
def test_other_files_are_not_junit_xml(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(CannotCompare):
        junit(tmp_path, text)


def test_messages_are_compared_without_addresses_and_folders() -> None:
    assert comparable("<object at 0x7f12345678>") == comparable("<object at 0x7fabcdefab>")
    assert comparable("/x/pytest-of-ada/pytest-12/a") == comparable("/x/pytest-of-ada/pytest-13/a")
    assert comparable("1 == 2") != comparable("1 == 3")


# --- figures ----------------------------------------------------------------------------------------------------------


def test_a_gain_is_one_only_if_all_pairs_agree() -> None:
    assert judged(ratios([2.0, 3.0], [1.0, 1.0])) == "faster"
    assert judged(ratios([1.0, 1.0], [2.0, 3.0])) == "slower"
    assert judged(ratios([1.0, 3.0], [2.0, 2.0])) == "no difference"
    assert ratios([1.0], [0.0]) is None
    assert spread([0.0015, 0.001, 0.002]).seconds() == "1.50 ms (1.00 to 2.00)"


def test_reports_escape_what_they_show() -> None:
    report = Report("<title>", "tuile prove", {"Flask": "<b>"}, "1 <i>")
    report.differences.append(Difference("<script>", "\x1b[31m", "<img>\n\x00", "x" * 5000))
    report.tables.append(Table("<u>", ("a",), [("<td>\x07",)]))
    html, text = as_html(report), as_text(report)
    assert "<script>" not in html
    assert "<img>" not in html
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "[... 3000 more]" in text
    assert json.dumps(as_data(report))


# --- answers ----------------------------------------------------------------------------------------------------------


def answer(body: str | bytes = "", *headers: tuple[str, str], status: str = "200 OK") -> Answer:
    return Answer(status, headers, body if isinstance(body, bytes) else body.encode())


SIGNED = "session=eyJfaWQiOiIxIn0.aVvqHg.-nQW5ewkpoa7VqJZJYX0bmNFRyE; HttpOnly; Path=/"
LATER = "session=eyJfaWQiOiIxIn0.aVvqHz.8nQW5ewkpoa7VqJZJYX0bmNFRyE; HttpOnly; Path=/"
OTHER = "session=eyJfaWQiOiIyIn0.aVvqHg.-nQW5ewkpoa7VqJZJYX0bmNFRyE; HttpOnly; Path=/"


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        (answer("a"), answer("a"), []),
        (answer("a"), answer("b"), ["body"]),
        (answer("a"), answer("a", status="404 NOT FOUND"), ["status"]),
        (answer("a", ("vary", "Cookie")), answer("a"), ["header vary"]),
        (answer("a", ("vary", "Cookie")), answer("a", ("vary", "cookie")), ["header vary"]),
        (answer("a", ("set-cookie", SIGNED)), answer("a", ("set-cookie", LATER)), []),
        (answer("a", ("set-cookie", SIGNED)), answer("a", ("set-cookie", OTHER)), ["header set-cookie"]),
        (answer("a", ("set-cookie", SIGNED)), answer("a", ("set-cookie", SIGNED.lower())), ["header set-cookie"]),
        (answer(b"\xff\x00"), answer(b"\xff\x01"), ["body"]),
        (answer("<p>0123456789abcdef0</p>"), answer("<p>fedcba98765432100</p>"), []),
        (answer("a", ("etag", '"0123456789abcdef0"')), answer("a", ("etag", '"1123456789abcdef0"')), ["header etag"]),
        (
            answer("2026-11-28T10:00:00.5", ("content-length", "21")),
            answer("2026-11-28T10:00:01", ("content-length", "19")),
            [],
        ),
        (answer("ab", ("content-length", "2")), answer("ab", ("content-length", "3")), ["header content-length"]),
        (Answer("", (), b"", "the process ended"), answer("a"), ["failure", "status", "body"]),
    ],
)
def test_answers_are_compared_without_what_varies(one: Answer, other: Answer, what: list[str]) -> None:
    assert [difference.what for difference in compare("GET /", one, other).differences] == what
    assert {difference.what for difference in compare("GET /", other, one).differences} == set(what)


def test_what_was_left_out_is_said() -> None:
    found = compare("GET /", answer("a", ("set-cookie", SIGNED)), answer("a", ("set-cookie", LATER)))
    assert found.without == {"times and signatures of signed tokens"}
    assert normalize("Sat, 28 Nov 2026 10:00:00 GMT").text == "<date>"


def test_what_varies_on_flask_itself_is_found() -> None:
    assert varying([answer("1"), answer("2"), answer("1")]) == {"body", "header content-length"}
    assert varying([answer("1"), answer("1")]) == frozenset()
    assert varying([]) == frozenset()
    tags = [answer("a", ("etag", f'"{number:032x}"')) for number in (1, 2)]
    assert varying(tags) == {"header etag"}
    assert [one.flask for one in compare("GET /", *tags).differences] == [f'"{1:032x}"']


def test_hidden_fields_are_taken_from_the_replayed_page() -> None:
    before = '<input id=a name="csrf_token" type="hidden" value="an-old-token-1234567"><input name=q value=aaaa>'
    now = "<input type='hidden' name=csrf_token value='a-new-token-1234567&amp;'>"
    assert _replaced_tokens(before, now) == {"an-old-token-1234567": "a-new-token-1234567&"}
    assert _replaced_tokens(before, "") == {}
    assert (
        _replaced_tokens('<input type="hidden" name="a" value="1">', '<input type="hidden" name="a" value="2">') == {}
    )


# --- HAR --------------------------------------------------------------------------------------------------------------


def entry(url: str = "http://shop.test/", method: str = "GET", **more: Any) -> dict[str, Any]:
    response = more.pop("response", {"status": 200})
    return {"request": {"method": method, "url": url, **more}, "response": response}


def har(folder: Path, *entries: Any) -> str:
    path = folder / "a.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return str(path)


def test_a_har_file_is_read(tmp_path: Path) -> None:
    headers = [
        {"name": ":authority", "value": "shop.test"},
        {"name": "Content-Type", "value": "application/x-www-form-urlencoded"},
        {"name": "Cookie", "value": 'a=1; b="x=y"; c'},
        {"name": "Bad\r\nName", "value": "1"},
        {"name": "X-Bad", "value": "1\r\nX: 2"},
    ]
    path = har(
        tmp_path,
        entry("http://shop.test/a?b=c#d", "POST", headers=headers, postData={"text": "a=\u00e4"}),
        entry("http://other.test/"),
        entry("data:text/plain,x"),
        entry("ws://shop.test/"),
        entry("http://shop.test:99999/"),
        {"request": None},
        "x",
    )
    recording = read_har(path)
    (one,) = recording.requests
    assert (one.method, one.url, one.body, one.status) == ("POST", "http://shop.test/a?b=c", "a=\u00e4".encode(), 200)
    assert one.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    assert one.cookies == {"a": "1", "b": '"x=y"'}
    assert recording.left_out == {
        "their URL begins with data:": 1,
        "their URL begins with ws:": 1,
        "their URL is malformed": 1,
        "they have no method or no URL": 2,
        "they are to other.test": 1,
    }
    assert read_har(path, "other.test").host == "other.test"
    with pytest.raises(CannotCompare, match=r"has no requests to third\.test, but to other\.test, shop\.test"):
        read_har(path, "third.test")


@pytest.mark.parametrize(
    ("posted", "body"),
    [
        ({"text": "aGVsbG8=", "encoding": "base64"}, b"hello"),
        ({"params": [{"name": "a", "value": "1 2"}, {"name": "\u00e4", "value": "&"}]}, b"a=1+2&%C3%A4=%26"),
        ({"text": "", "params": None}, b""),
        (None, b""),
        ({"text": 7}, b""),
    ],
)
def test_bodies_are_text_base64_or_parameters(tmp_path: Path, posted: Any, body: bytes) -> None:
    assert read_har(har(tmp_path, entry(method="POST", postData=posted))).requests[0].body == body


def test_a_form_with_a_file_is_made_of_its_parameters(tmp_path: Path) -> None:
    headers = [{"name": "content-type", "value": "multipart/form-data; boundary=xyz"}]
    params = [
        {"name": "a", "value": "1"},
        {"name": "f", "fileName": 'x".txt', "contentType": "text/plain", "value": "hi"},
    ]
    (one,) = read_har(har(tmp_path, entry(method="POST", headers=headers, postData={"params": params}))).requests
    assert one.body == (
        b'--xyz\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="f"; filename="x%22.txt"\r\nContent-Type: text/plain\r\n\r\n'
        b"hi\r\n--xyz--\r\n"
    )


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"{", b"[]", b"{}", b'{"log": []}', b'{"log": {"entries": {}}}', b'{"log": {"entries": []}}',
        b"\xff\xfe\xfd",
        b"\xff", b'{"log": {"entries": [{"request": {"method": "GET", "url": "http://[::1"}}]}}', b"[" * 100_000,
        b'{"log": {"entries": [{"request": {"method": "GE T", "url": "http://a/"}}]}}',
        b'{"log": {"entries": [{"request": {"method": "GET", "url": "data:,"}}]}}',
    ],
)  # fmt: skip
def test_a_broken_har_file_is_said_to_be_one(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "a.har"
    path.write_bytes(octets)
    with pytest.raises(CannotCompare):
        read_har(str(path))


def test_a_har_file_may_have_a_mark_and_be_utf_16(tmp_path: Path) -> None:
    path = tmp_path / "a.har"
    text = json.dumps({"log": {"entries": [entry()]}})
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes(text.encode(encoding))
        assert len(read_har(str(path)).requests) == 1


def test_a_huge_har_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = har(tmp_path, entry(), entry())
    monkeypatch.setattr("tuile.proving.har.MOST_REQUESTS", 1)
    assert read_har(path).left_out == {"there are more than 1": 1}
    monkeypatch.setattr("tuile.proving.har.MOST_OCTETS", 10)
    with pytest.raises(CannotCompare, match="is larger than"):
        read_har(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.sampled_from(["GET", "http://a/", "base64"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["method", "url", "headers", "cookies", "postData", "text", "params", "name", "value", "encoding", "content",
         "mimeType", "status", "fileName"]), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(request=JSON, response=JSON)
def test_no_entry_is_a_traceback(request: Any, response: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("har")
    sound = entry("http://sound.test/")
    path = har(folder, sound, sound, {"request": request, "response": response})
    assert read_har(path).host in {"sound.test", "a"}


# --- requests ---------------------------------------------------------------------------------------------------------

SHOP = """
    import itertools, os, time
    from flask import Flask, request, session, make_response, Response

    app = Flask(__name__)
    app.secret_key = "a key of at least sixteen characters"
    count = itertools.count()
    on_tuile = os.environ["TUILE_PROVE_SIDE"] == "tuile"

    @app.get("/")
    def index():
        session["seen"] = session.get("seen", 0) + 1
        return f"seen {session['seen']} {request.cookies.get('theme')}"

    @app.get("/page/<int:number>")
    def page(number):
        return {"number": number}

    @app.post("/echo")
    def echo():
        return Response(request.get_data(), mimetype="application/octet-stream")

    @app.get("/differs")
    def differs():
        response = make_response("tuile" if on_tuile else "flask")
        response.headers["X-Side"] = "t" if on_tuile else "f"
        return response

    @app.get("/varies")
    def varies():
        return str(next(count)) * (2 if on_tuile else 1)

    @app.get("/raises")
    def raises():
        raise ZeroDivisionError

    @app.get("/hangs")
    def hangs():
        if on_tuile:
            time.sleep(600)
        return "done"

    @app.get("/crashes")
    def crashes():
        os._exit(5)

    @app.get("/forever")
    def forever():
        return Response((b"x" * 1_000_000 for _ in itertools.count()))
"""


def replay(folder: Path, *entries: Any, code: int, options: tuple[str, ...] = ()) -> tuple[Any, str]:
    write(folder, shop=SHOP)
    (folder / "setup.py").write_text("import sys; sys.exit(0)")
    return prove(
        folder,
        "--requests",
        har(folder, *entries),
        "--app",
        "shop",
        "--repeats",
        "1",
        "--times",
        "2",
        *options,
        code=code,
    )


def test_requests_with_the_same_answers_are_exit_code_0(tmp_path: Path) -> None:
    report, text = replay(
        tmp_path,
        entry(),
        entry(headers=[{"name": "Cookie", "value": "theme=dark; session=recorded"}]),
        entry("http://shop.test/page/1"),
        entry("http://shop.test/page/2"),
        entry("http://shop.test/echo", "POST", postData={"text": "AP8=", "encoding": "base64"}),
        entry("http://shop.test/raises", response={"status": 500}),
        entry("http://shop.test/missing", response={"status": 404}),
        code=0,
    )
    assert "7 requests: 7 are answered the same on both" in text
    assert "7 of 7 answers of Flask have the status that was recorded" in text
    assert report["endpoints"]["GET /page/<int:number>"]["requests"] == 2
    assert "(no rule)" in text
    assert report["endpoints"]["GET /"]["ratio"]["values"] == 1


def test_without_recorded_pages_hidden_fields_are_known_by_name(tmp_path: Path) -> None:
    page = """
        import secrets
        from flask import Flask, request, session

        app = Flask(__name__)
        app.secret_key = "a key of at least sixteen characters"

        @app.get("/")
        def index():
            session["token"] = secrets.token_hex(16)
            return f'<input type="hidden" name="csrf token" value="{session["token"]}">'

        @app.post("/")
        def save():
            return "saved", 200 if request.form["csrf token"] == session["token"] else 400
    """
    form = [{"name": "Content-Type", "value": "application/x-www-form-urlencoded"}]
    posted = {"text": "a=1&csrf+token=old&b=2"}
    (tmp_path / "forms.py").write_text(textwrap.dedent(page))
    path = har(tmp_path, entry(), entry(method="POST", headers=form, postData=posted))
    _, text = prove(tmp_path, "--requests", path, "--app", "forms", "--repeats", "1", "--times", "1", code=0)
    assert "2 of 2 answers of Flask have the status that was recorded" in text


def test_what_differs_is_said_and_exit_code_1(tmp_path: Path) -> None:
    report, _ = replay(tmp_path, entry(), entry("http://shop.test/differs"), code=1)
    assert [(one["what"], one["flask"], one["tuile"]) for one in report["differences"]] == [
        ("header x-side", "f", "t"),
        ("body", "flask", "tuile"),
    ]


def test_what_varies_by_itself_is_said_and_no_difference(tmp_path: Path) -> None:
    _, text = replay(tmp_path, entry("http://shop.test/varies"), code=0)
    assert "Flask's own answers differ from turn to turn: GET http://shop.test/varies (body" in text


def test_a_crash_and_a_hang_do_not_end_the_replay(tmp_path: Path) -> None:
    report, text = replay(
        tmp_path,
        entry("http://shop.test/crashes"),
        entry("http://shop.test/hangs"),
        entry(),
        code=1,
        options=("--timeout", "8"),
    )
    assert "3 requests: 2 are answered the same on both, 1 are not." in text
    assert {one["subject"] for one in report["differences"]} == {"GET http://shop.test/hangs"}
    assert "no answer within 8 s (--timeout)" in text


def test_a_body_without_an_end_is_cut(tmp_path: Path) -> None:
    replay(tmp_path, entry("http://shop.test/forever"), code=0, options=("--times", "1"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--app", "missing"), "On Flask the application cannot be loaded."),
    ],
)
def test_what_cannot_be_replayed_is_exit_code_2(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    _, text = replay(tmp_path, entry(), code=2, options=options)
    assert said in text


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("false", "ended with exit code 1"),
        ("'", "cannot be run"),
        ("no-such-program", "cannot be run"),
        ("", "cannot be run"),
    ],
)
def test_a_setup_that_fails_is_said(command: str, said: str) -> None:
    with pytest.raises(CannotCompare, match=said):
        replaying._set_up(command, FLASK)


def test_the_command_of_setup_runs_before_each_turn(tmp_path: Path) -> None:
    (tmp_path / "note.py").write_text("import os; open('sides.txt', 'a').write(os.environ['TUILE_PROVE_SIDE'] + ' ')")
    replay(tmp_path, entry(), code=0, options=("--setup", "python note.py"))
    assert (tmp_path / "sides.txt").read_text() == "flask tuile tuile flask "


def test_a_command_or_requests_are_wanted(tmp_path: Path) -> None:
    _, text = prove(tmp_path, code=2)
    assert "Give a test command" in text
    _, text = prove(tmp_path, "--requests", har(tmp_path, entry()), "--", "pytest", code=2)
    assert "Give a test command" in text
