"""The settings for keys: what is none is an error that names the setting, and a change at run time counts at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import tuile
from tests.fresh import observe
from tuile import cookies, session
from tuile.keys.app_keys import check_keys
from tuile.keys.ring import KeyRing, key_id

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "5e83a7d1f6094bc2c1f0b6e2d94a7385"
FORMER = "90e4c6b7a2f1d3587b29d5f0e8a1c364"
THIRD = "2f8c05e7b91d4a36d07e5b93c8f1a462"


def new_app(**config: Any) -> tuile.Flask:
    app = tuile.Flask("app", static_folder=None)
    app.config.update({"SECRET_KEY": KEY, "TESTING": True, **config})

    @app.get("/write")
    def write() -> str:
        session["who"] = "ada"
        cookies.signed.set("signed", "ada")
        cookies.encrypted.set("encrypted", "ada")
        return app.keyring.derive("extension").hex()

    @app.get("/read")
    def read() -> dict[str, str | None]:
        return {
            "session": session.get("who"),
            "signed": cookies.signed.get("signed"),
            "encrypted": cookies.encrypted.get("encrypted"),
        }

    @app.get("/plain")
    def plain() -> str:
        return "plain"

    return app


NOT_IDS: dict[str, list[Any]] = {
    "in capitals": [key_id(KEY).upper()],
    "with a space": [f" {key_id(KEY)}"],
    "with a line's end": [f"{key_id(KEY)}\n"],
    "seven digits": [key_id(KEY)[:7]],
    "nine digits": [f"{key_id(KEY)}0"],
    "the whole key": [KEY],
    "the key in octets": [KEY.encode()],
    "the id in octets": [key_id(KEY).encode()],
    "nonsense": ["nonsense"],
    "nothing": [""],
    "None": [None],
    "a number": [12345678],
    "a list in a list": [[key_id(KEY)]],
    "one id of two": [key_id(FORMER), "0123456g"],
    "other digits": ["١٢٣٤٥٦٧٨"],
    "with 0x": [f"0x{key_id(KEY)}"],
}
NOT_LISTS: dict[str, Any] = {
    "one id": key_id(KEY),
    "octets": key_id(KEY).encode(),
    "a number": 7,
    "True": True,
    "a mapping": {key_id(KEY): True},
    "an iterator": iter([key_id(KEY)]),
    "an object": object(),
}


def uses(app: tuile.Flask) -> list[Callable[[], object]]:
    client = app.test_client()
    return [
        lambda: client.get("/plain"),
        lambda: client.get("/write"),
        lambda: client.get("/read"),
        lambda: app.keyring,
        lambda: check_keys(app),
    ]


@pytest.mark.parametrize("entries", NOT_IDS.values(), ids=NOT_IDS)
def test_an_entry_that_is_no_id_is_an_error_at_the_first_use_of_the_app(entries: list[Any]) -> None:
    for number in range(len(uses(new_app()))):
        app = new_app(SECRET_KEY_RETIRED=entries, SECRET_KEY_FALLBACKS=[FORMER])
        use = uses(app)[number]
        for _ in range(2):
            with pytest.raises(ValueError, match=r"Entry \d of SECRET_KEY_RETIRED") as caught:
                use()
            assert KEY not in str(caught.value)
    with pytest.raises(ValueError, match=r"Entry \d of retired"):
        KeyRing(KEY, retired=entries)


@pytest.mark.parametrize("setting", NOT_LISTS.values(), ids=NOT_LISTS)
@pytest.mark.parametrize("name", ["SECRET_KEY_RETIRED", "SECRET_KEY_FALLBACKS"])
def test_a_setting_that_is_no_list_is_an_error_at_the_first_use_of_the_app(name: str, setting: Any) -> None:
    for number in range(len(uses(new_app()))):
        app = new_app(**{name: setting})
        with pytest.raises(TypeError, match=f"{name} must be a list of"):
            uses(app)[number]()


NOT_KEYS = [1, 0, True, False, 1.5, [KEY], (KEY,), {"key": KEY}, bytearray(b"key"), object()]


@pytest.mark.parametrize("key", NOT_KEYS, ids=lambda key: type(key).__name__)
@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_a_key_of_another_type_is_an_error_at_the_first_use_of_the_app(name: str, key: Any) -> None:
    setting = key if name == "SECRET_KEY" else [FORMER, key]
    for number in range(len(uses(new_app()))):
        app = new_app(**{name: setting})
        with pytest.raises(TypeError, match=f"{name} must be text or bytes, not {type(key).__name__}") as caught:
            uses(app)[number]()
        assert KEY not in str(caught.value)


def test_half_of_a_surrogate_pair_is_no_key() -> None:
    app = new_app(SECRET_KEY=f"{KEY}\ud800")
    for use in uses(app):
        with pytest.raises(TypeError, match="SECRET_KEY contains half of a surrogate pair") as caught:
            use()
        assert caught.value.__context__ is None


def test_the_text_of_a_key_among_the_ids_is_an_error() -> None:
    app = new_app(SECRET_KEY="7feca408", SECRET_KEY_RETIRED=["7feca408"])
    with pytest.raises(ValueError, match="contains a key"):
        check_keys(app)


@pytest.mark.parametrize("none", [None, [], (), "", b""], ids=repr)
def test_no_keys_may_be_written_in_several_ways(none: Any) -> None:
    app = new_app(SECRET_KEY_RETIRED=none, SECRET_KEY_FALLBACKS=none)
    assert app.test_client().get("/write").status_code == 200
    assert new_app(SECRET_KEY=none or None).test_client().get("/plain").text == "plain"


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_lists_of_several_types_are_read(kind: type) -> None:
    app = new_app(SECRET_KEY_RETIRED=kind([key_id(THIRD)]), SECRET_KEY_FALLBACKS=kind([FORMER]))
    assert app.keyring.verify_only_ids == (key_id(FORMER),)
    assert app.keyring.retired_ids == {key_id(THIRD)}


def read(app: tuile.Flask, sent: str) -> set[str | None]:
    return set(app.test_client(use_cookies=False).get("/read", headers={"Cookie": sent}).get_json().values())


def written_by(key: str) -> str:
    answer = new_app(SECRET_KEY=key).test_client().get("/write")
    return "; ".join(line.partition(";")[0] for line in answer.headers.getlist("Set-Cookie"))


def in_place(app: tuile.Flask, name: str) -> list[Any]:
    found: list[Any] = app.config[name]
    return found


CHANGES: dict[str, tuple[dict[str, Any], Callable[[tuile.Flask], object]]] = {
    "an id is appended": (
        {"SECRET_KEY_RETIRED": []},
        lambda app: in_place(app, "SECRET_KEY_RETIRED").append(key_id(FORMER)),
    ),
    "an id is appended to others": (
        {"SECRET_KEY_RETIRED": [key_id(THIRD)]},
        lambda app: in_place(app, "SECRET_KEY_RETIRED").append(key_id(FORMER)),
    ),
    "an id is replaced": (
        {"SECRET_KEY_RETIRED": [key_id(THIRD)]},
        lambda app: in_place(app, "SECRET_KEY_RETIRED").__setitem__(0, key_id(FORMER)),
    ),
    "ids are set": ({}, lambda app: app.config.update(SECRET_KEY_RETIRED=[key_id(FORMER)])),
    "an id is added to a set": (
        {"SECRET_KEY_RETIRED": set()},
        lambda app: app.config["SECRET_KEY_RETIRED"].add(key_id(FORMER)),
    ),
    "the fallbacks are set": ({}, lambda app: app.config.update(SECRET_KEY_FALLBACKS=[THIRD])),
    "a fallback is removed": ({}, lambda app: in_place(app, "SECRET_KEY_FALLBACKS").remove(FORMER)),
    "a fallback is replaced": ({}, lambda app: in_place(app, "SECRET_KEY_FALLBACKS").__setitem__(0, THIRD)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_at_run_time_reaches_sessions_cookies_and_derived_keys(
    change: tuple[dict[str, Any], Callable[[tuile.Flask], object]],
) -> None:
    config, apply = change
    sent = written_by(FORMER)
    app = new_app(SECRET_KEY_FALLBACKS=[FORMER], **config)
    assert read(app, sent) == {"ada"}
    assert len(app.keyring.derive_all("extension")) == 2
    apply(app)
    assert read(app, sent) == {None}
    assert new_app(SECRET_KEY=FORMER).keyring.derive("extension") not in app.keyring.derive_all("extension")
    assert read(app, written_by(KEY)) == {"ada"}


def test_another_key_at_run_time_reaches_sessions_cookies_and_derived_keys() -> None:
    app = new_app()
    before = app.test_client().get("/write").text
    app.config["SECRET_KEY"] = THIRD
    assert app.test_client().get("/write").text != before
    assert read(app, written_by(KEY)) == {None}
    assert read(app, written_by(THIRD)) == {"ada"}
    in_place_former: list[Any] = []
    app.config["SECRET_KEY_FALLBACKS"] = in_place_former
    assert read(app, written_by(KEY)) == {None}
    in_place_former.append(KEY)
    assert read(app, written_by(KEY)) == {"ada"}


@pytest.mark.parametrize("fallbacks", [None, [FORMER]], ids=str)
@pytest.mark.parametrize(
    "use", [lambda: session.get("n"), lambda: session.update(n=1), lambda: cookies.signed.get("n")]
)
def test_each_use_of_the_retired_key_is_refused(use: Callable[[], object], fallbacks: list[str] | None) -> None:
    app = new_app(SECRET_KEY_FALLBACKS=fallbacks)
    app.add_url_rule("/use", "use", lambda: str(use()))
    client = app.test_client()
    assert client.get("/use").status_code == 200
    app.config["SECRET_KEY_RETIRED"] = [key_id(KEY)]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="listed in SECRET_KEY_RETIRED"):
            client.get("/use")


@pytest.mark.parametrize("path", ["/write", "/read"])
def test_the_key_in_use_retired_at_run_time_is_used_no_more(path: str) -> None:
    app = new_app(SECRET_KEY_RETIRED=[])
    client = app.test_client()
    assert client.get(path).status_code == 200
    app.config["SECRET_KEY_RETIRED"].append(key_id(KEY))
    with pytest.raises(RuntimeError, match="listed in SECRET_KEY_RETIRED"):
        client.get(path)
    app.config.update(TESTING=False, SECRET_KEY_CHECKS="off")
    assert client.get(path).status_code == 500


@pytest.mark.parametrize("wrong", ["7FECA408", "nonsense", None])
def test_a_wrong_entry_at_run_time_stops_signing_and_reading(wrong: Any) -> None:
    app = new_app(SECRET_KEY_RETIRED=[])
    client = app.test_client()
    assert client.get("/write").status_code == 200
    app.config["SECRET_KEY_RETIRED"].append(wrong)
    for path in ("/write", "/read"):
        with pytest.raises(ValueError, match="Entry 1 of SECRET_KEY_RETIRED"):
            client.get(path)


# --- SECRET_KEY_CHECKS ------------------------------------------------------------------------------------------------


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records if "guessed" in record.getMessage()]
    caplog.clear()
    return found


def test_a_weak_key_is_told_before_the_first_answer_and_again_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    app = new_app(SECRET_KEY="hunter2", TESTING=False)
    app.test_client().get("/plain")
    assert len(told(caplog)) == 1
    app.test_client().get("/write")
    assert told(caplog) == []
    app.config["SECRET_KEY"] = "hunter3"
    app.test_client().get("/write")
    app.test_client().get("/read")
    assert len(told(caplog)) == 1
    app.config["SECRET_KEY_FALLBACKS"] = ["hunter4"]
    app.test_client().get("/read")
    assert [line[:36] for line in told(caplog)] == ["A key in SECRET_KEY_FALLBACKS can be"]
    app.config["SECRET_KEY"] = "hunter2"
    app.test_client().get("/read")
    assert told(caplog) == []


@pytest.mark.parametrize("mode", [{"TESTING": True}, {"TESTING": False}, {"DEBUG": True}], ids=str)
def test_a_weak_key_can_be_an_error(mode: dict[str, bool]) -> None:
    for config in ({"SECRET_KEY": "hunter2"}, {"SECRET_KEY_FALLBACKS": ["hunter2"]}):
        for number in range(len(uses(new_app()))):
            app = new_app(SECRET_KEY_CHECKS="error", **config, **mode)
            with pytest.raises(ValueError, match="can be guessed") as caught:
                uses(app)[number]()
            assert "hunter2" not in str(caught.value)
    assert new_app(SECRET_KEY_CHECKS="error", **mode).test_client().get("/write").status_code == 200


def test_what_is_done_about_a_weak_key_can_be_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    new_app(SECRET_KEY="hunter2", SECRET_KEY_CHECKS="warn").test_client().get("/plain")
    assert len(told(caplog)) == 1
    new_app(SECRET_KEY="hunter2", TESTING=False, SECRET_KEY_CHECKS="off").test_client().get("/write")
    new_app(SECRET_KEY="hunter2").test_client().get("/write")
    assert told(caplog) == []
    with pytest.raises(ValueError, match="SECRET_KEY_CHECKS must be"):
        new_app(SECRET_KEY_CHECKS="loud").test_client().get("/plain")


def test_a_test_suite_for_flask_that_does_not_set_testing_sees_no_record_of_a_weak_key() -> None:
    program = """
        import logging
        from flask import Flask, session
        told = []
        handler = logging.Handler()
        handler.emit = lambda record: told.append(record.getMessage()[:31])
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.DEBUG)

        def ask(way):
            app = Flask("suite")
            app.secret_key = "hunter2"

            @app.get("/")
            def write():
                session["who"] = "ada"
                return ""

            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_HOST": "x", "wsgi.url_scheme": "http"}
            if way == "client":
                app.test_client().get("/")
            elif way == "context":
                with app.test_request_context():
                    app.full_dispatch_request()
            else:
                app(environ, lambda *arguments: None)
            found = list(told)
            told.clear()
            return found

        seen = [ask("client"), ask("context"), ask("server")]
    """
    assert observe(program, shim=False) == [[], [], []]
    assert observe(program) == [[], [], ["SECRET_KEY can be guessed: it i"]]
