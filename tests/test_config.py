"""The settings: defaults, ways to load them, and attributes that expose them."""

from __future__ import annotations

import json
import os
import string
from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock

import flask
import pytest
from flask.config import Config as FlaskConfig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.beside_flask import ABSENT, make_app, make_environ, outcome, part, same, send
from tuile import invalidation
from tuile.config import DEFAULT_CONFIG, DEFAULTS, Config, ConfigAttribute
from tuile.watched_settings import PLANNED_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEFAULTS_OF_FLASK = list(flask.Flask.default_config)
# What `from_object(__name__)` and the files below hold.
TEST_KEY = "foo"
SECRET_KEY = "config"
lower_case = "not a setting"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path)


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return name


def both_errors(name: str, *args: Any, root: Path, **kwargs: Any) -> tuple[Exception, Exception]:
    """Return the errors of Flask's and Tuile's config when the same method is called."""
    raised = []
    for config in (FlaskConfig(root), Config(root)):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - the two errors are compared with each other
            getattr(config, name)(*args, **kwargs)
        raised.append(caught.value)
    return raised[0], raised[1]


def test_the_defaults_are_flasks_in_flasks_order() -> None:
    theirs = list(flask.Flask.default_config.items())
    assert list(DEFAULT_CONFIG.items())[: len(theirs)] == theirs
    # What follows is Tuile's own.
    assert {"SECRET_KEY_RETIRED", "SESSION_DIGEST", "SESSION_ENCRYPT"} <= set(list(DEFAULT_CONFIG)[len(theirs) :])


def test_every_default_has_a_unit_and_a_meaning() -> None:
    assert len({row.name for row in DEFAULTS}) == len(DEFAULTS)
    for row in DEFAULTS:
        assert row.unit
        assert row.meaning.endswith((".", "`."))


def test_the_defaults_given_are_copied_and_the_root_path_is_kept(tmp_path: Path) -> None:
    defaults = {"A": 1}
    config = Config(tmp_path, defaults)
    config["A"] = 2
    assert defaults == {"A": 1}
    assert config.root_path == tmp_path
    assert Config("x") == {}


def test_a_config_shows_itself_with_its_class_name(config: Config) -> None:
    class Own(Config):
        pass

    config["A"] = 1
    assert repr(config) == "<Config {'A': 1}>"
    assert repr(Own("x", {"B": "b"})) == "<Own {'B': 'b'}>"


NAMES_SHOWN = st.sampled_from([*DEFAULTS_OF_FLASK, "A", "b", 5, None, ("C",)])
VALUES_SHOWN = st.one_of(
    st.sampled_from([None, True, False, 0, 1, 1.0, "/", "http", 500_000, 1_000, timedelta(days=31)]),
    st.lists(st.integers(), max_size=2),
)


@given(st.booleans(), st.lists(st.tuples(NAMES_SHOWN, VALUES_SHOWN)), st.lists(NAMES_SHOWN))
def test_a_config_shows_its_settings_as_flasks_does(starts_full: bool, changes: Any, deleted: Any) -> None:
    start = dict(flask.Flask.default_config) if starts_full else {}
    theirs, ours = FlaskConfig("x", start), Config("x", start)
    for config in (theirs, ours):
        for name, value in changes:
            dict.__setitem__(config, name, value)
        for name in deleted:
            dict.pop(config, name, None)
    hidden = [name for name in ("SECRET_KEY", "SECRET_KEY_FALLBACKS") if theirs.get(name)]
    for name in hidden:
        theirs[name] = Dots()
    for _ in range(2):
        assert repr(ours) == str(ours) == repr(theirs)


class Dots:
    def __repr__(self) -> str:
        return "'...'"


def test_a_config_among_its_own_settings_is_shown_as_by_flask() -> None:
    shown = []
    for config in (FlaskConfig("x", {"A": 1}), Config("x", {"A": 1})):
        config["SELF"], config["LIST"] = config, [config]
        shown.append(repr(config))
        assert repr(config) == shown[-1]
    assert shown[0] == shown[1]


def test_a_config_is_shown_again_after_a_value_could_not_be() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise LookupError

    config = Config("x", {"A": Broken()})
    for _ in range(2):
        with pytest.raises(LookupError):
            repr(config)
    config["A"] = 1
    assert repr(config) == "<Config {'A': 1}>"


def test_a_config_shows_the_items_that_a_dict_has_whatever_a_subclass_says() -> None:
    def items(self: Any) -> Any:
        return [("SECRET_KEY", "shown")]

    shown = [
        repr(type("Own", (kind,), {"items": items, "__iter__": lambda self: iter(())})("x", {"A": 1}))
        for kind in (FlaskConfig, Config)
    ]
    assert shown[0] == shown[1] == "<Own {'A': 1}>"


def test_an_object_gives_its_upper_case_attributes(config: Config) -> None:
    class Base:
        A = 1
        lower = 2
        Mixed = 3

    class Derived(Base):
        B = 4

        @property
        def COMPUTED(self) -> int:  # noqa: N802 - a setting
            return 5

    config.from_object(Derived())
    assert config == {"A": 1, "B": 4, "COMPUTED": 5}


def test_an_import_name_stands_for_its_object(config: Config) -> None:
    config.from_object("string")
    assert config == {name: getattr(string, name) for name in dir(string) if name.isupper()}
    with pytest.raises(ImportError):
        config.from_object("no_such_module_at_all")


def test_a_python_file_gives_its_upper_case_names(config: Config, tmp_path: Path) -> None:
    name = written(tmp_path, "settings.py", "import os\nA = 1\nlower = 2\nWHERE = __file__\nMODULE = __name__\n")
    assert config.from_pyfile(name) is True
    assert config == {"A": 1, "WHERE": str(tmp_path / name), "MODULE": "config"}


def test_a_python_files_own_error_comes_out(config: Config, tmp_path: Path) -> None:
    with pytest.raises(SyntaxError) as caught:
        config.from_pyfile(written(tmp_path, "bad.py", "A ="))
    assert caught.value.filename == str(tmp_path / "bad.py")


@pytest.mark.parametrize("method", ["from_pyfile", "from_file"])
def test_a_missing_file_is_an_error_that_says_so_unless_silent(method: str, tmp_path: Path) -> None:
    extra = (json.load,) if method == "from_file" else ()
    theirs, ours = both_errors(method, "missing.cfg", *extra, root=tmp_path)
    assert isinstance(ours, FileNotFoundError)
    assert str(ours) == str(theirs)
    assert "Unable to load configuration file (No such file or directory)" in str(ours)
    assert getattr(Config(tmp_path), method)("missing.cfg", *extra, silent=True) is False


def test_silent_covers_a_folder_too_and_a_file_used_as_a_folder_for_python_files_alone(
    config: Config, tmp_path: Path
) -> None:
    written(tmp_path, "file", "")
    (tmp_path / "folder").mkdir()
    assert config.from_pyfile("folder", silent=True) is False
    assert config.from_file("folder", json.load, silent=True) is False
    assert config.from_pyfile("file/below", silent=True) is False
    with pytest.raises(NotADirectoryError):
        config.from_file("file/below", json.load, silent=True)


def test_a_data_file_is_read_as_text_or_as_bytes(config: Config, tmp_path: Path) -> None:
    name = written(tmp_path, "settings.json", '{"A": "\\u00e9", "lower": 1}')
    kinds: list[type] = []

    def load(file: Any) -> Any:
        content = file.read()
        kinds.append(type(content))
        return json.loads(content)

    assert config.from_file(name, load) is True
    assert config == {"A": "é"}
    assert config.from_file(name, load=load, text=False) is True
    assert kinds == [str, bytes]


def test_an_environment_variable_names_the_file(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUILE_TEST_FILE", written(tmp_path, "settings.py", "A = 1"))
    assert config.from_envvar("TUILE_TEST_FILE") is True
    assert config == {"A": 1}
    monkeypatch.setenv("TUILE_TEST_FILE", "missing.cfg")
    assert config.from_envvar("TUILE_TEST_FILE", silent=True) is False
    theirs, ours = both_errors("from_envvar", "TUILE_TEST_FILE", root=tmp_path)
    assert str(ours) == str(theirs)


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_environment_variable_is_an_error_that_says_what_to_do(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TUILE_TEST_FILE", raising=False)
    if value is not None:
        monkeypatch.setenv("TUILE_TEST_FILE", value)
    theirs, ours = both_errors("from_envvar", "TUILE_TEST_FILE", root=tmp_path)
    assert isinstance(ours, RuntimeError)
    assert str(ours) == str(theirs)
    assert Config(tmp_path).from_envvar("TUILE_TEST_FILE", silent=True) is False


def test_a_mapping_gives_its_upper_case_keys_and_keywords_win(config: Config) -> None:
    assert config.from_mapping({"A": 1, "b": 2, "C": 3}, C=4, d=5) is True
    assert config == {"A": 1, "C": 4}
    assert config.from_mapping() is True
    assert config.from_mapping([("E", 6)]) is True  # type: ignore[arg-type]  # pairs work at run time, as in Flask
    with pytest.raises(TypeError):
        config.from_mapping({}, {})  # type: ignore[call-arg]  # the call that must be refused


def test_a_namespace_can_keep_its_case_and_its_beginning(config: Config) -> None:
    config.update(MAIL_HOST="h", MAIL_PORT=25, MAILBOX="m", OTHER=1)
    assert config.get_namespace("MAIL_") == {"host": "h", "port": 25}
    assert config.get_namespace("MAIL_", lowercase=False) == {"HOST": "h", "PORT": 25}
    assert config.get_namespace("MAIL_", trim_namespace=False) == {"mail_host": "h", "mail_port": 25}
    assert config.get_namespace("MAIL_", lowercase=False, trim_namespace=False) == {"MAIL_HOST": "h", "MAIL_PORT": 25}


@pytest.fixture
def only_these_variables() -> Iterator[Any]:
    before = dict(os.environ)

    def put(variables: dict[str, str]) -> None:
        os.environ.clear()
        os.environ.update(variables)

    yield put
    put(before)


names = st.lists(st.sampled_from(["FLASK", "TUILE", "_", "__", "A", "B", "c"]), min_size=1, max_size=6).map("".join)
values = st.sampled_from(["1", "1.5", "true", "null", "[1]", '{"A": 1}', '{"B": {}}', "text", "", "01"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(variables=st.dictionaries(names, values, max_size=6))
def test_prefixed_variables_are_taken_over_as_flask_does(only_these_variables: Any, variables: dict[str, str]) -> None:
    only_these_variables(variables)
    outcomes: list[Any] = []
    for config in (FlaskConfig("x"), Config("x")):
        try:
            result = config.from_prefixed_env()
        except Exception as error:  # noqa: BLE001 - stepping into a number fails in both, and in the same way
            outcomes.append((type(error), str(error), dict(config)))
        else:
            outcomes.append((result, None, dict(config)))
    assert outcomes[0] == outcomes[1]


def test_prefixed_variables_take_another_prefix_and_loader(config: Config, only_these_variables: Any) -> None:
    only_these_variables({"APP_A": "1", "APP_D__B": "2", "FLASK_C": "3"})
    assert config.from_prefixed_env("APP", loads=lambda text: text * 2) is True
    assert config == {"A": "11", "D": {"B": "22"}}


class Holder:
    plain: ConfigAttribute[str] = ConfigAttribute("PLAIN")
    lifetime = ConfigAttribute[timedelta]("LIFETIME", get_converter=lambda seconds: timedelta(seconds=seconds))

    def __init__(self) -> None:
        self.config: dict[str, Any] = {"PLAIN": "p", "LIFETIME": 60}


def test_an_attribute_reads_and_writes_the_config() -> None:
    holder = Holder()
    assert holder.plain == "p"
    holder.plain = "q"
    assert holder.config["PLAIN"] == "q"
    del holder.config["PLAIN"]
    with pytest.raises(KeyError):
        _ = holder.plain


def test_an_attributes_converter_is_applied_when_reading_alone() -> None:
    holder = Holder()
    assert holder.lifetime == timedelta(minutes=1)
    holder.lifetime = 5
    assert holder.config["LIFETIME"] == 5
    assert holder.lifetime == timedelta(seconds=5)


def test_an_attribute_read_from_the_class_is_the_descriptor() -> None:
    assert isinstance(Holder.plain, ConfigAttribute)
    assert Holder.plain.__name__ == "PLAIN"
    assert Holder.plain.get_converter is None


NAMES = st.sampled_from(
    ["A", "A_B", "A_", "B_A", "TESTING", "DEBUG", "SERVER_NAME", "MAIL_HOST", "MAIL_", "a_b", "A\nB", "A\nA_", "", 5]
)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["set", "update", "mapping", "object", "setdefault", "pop", "del"]), NAMES, st.integers(0, 3)
    )
)


def change_setting(config: Any, change: str, name: Any, value: int) -> Any:
    if change == "set":
        config[name] = value
    elif change == "update":
        config.update({name: value}, B=value)
    elif change == "mapping":
        config.from_mapping({"A": 1, name: value, "a": 2, "C_D": 3})
    elif change == "object":
        config.from_object(type("Settings", (), {str(name): value}))
    elif change == "setdefault":
        return config.setdefault(name, value)
    elif change == "pop":
        return config.pop(name)
    else:
        del config[name]
    return None


@given(
    CHANGES,
    st.sampled_from(["A_", "MAIL_", "A", "", "A\n", "\n", "a_", ("A", "B"), 5, "SERVER_NAME"]),
    st.booleans(),
    st.booleans(),
)
def test_settings_are_changed_and_found_as_in_flask(changes: Any, namespace: Any, lower: bool, trim: bool) -> None:
    def program(framework: Any) -> Any:
        config = framework.Config(
            "", {"DEBUG": False, "TESTING": False, "SERVER_NAME": None} if changes else {"A_B": 1}
        )
        seen = []
        for change, name, value in changes:
            seen.append(outcome(change_setting, config, change, name, value))
        return seen, list(config.items()), outcome(config.get_namespace, namespace, lower, trim)

    same(program)


def test_a_namespace_has_the_items_of_a_config_that_iterates_over_others() -> None:
    def program(framework: Any) -> Any:
        class Own(framework.Config):  # type: ignore[misc]
            def __iter__(self) -> Any:
                return iter(["OWN_A"])

        return Own("", {"OWN_A": 1, "OWN_B": 2}).get_namespace("OWN_")

    assert same(program) == {"a": 1, "b": 2}


@given(CHANGES)
def test_plans_are_stale_after_a_change_of_what_they_depend_on(changes: Any) -> None:
    config = Config("", {"DEBUG": False, "SERVER_NAME": None})
    for change, name, value in changes:
        before, epoch = {key: config.get(key, ABSENT) for key in PLANNED_SETTINGS}, invalidation.epoch
        outcome(change_setting, config, change, name, value)
        if any(config.get(key, ABSENT) is not old for key, old in before.items()):
            assert invalidation.epoch is not epoch


def test_a_setting_with_an_error_follows_those_before_it() -> None:
    def program(framework: Any) -> Any:
        class Broken:
            A = 1
            Z = 2

            @property
            def B(self) -> Any:  # noqa: N802 - a setting
                raise ValueError("broken")

        class Own(framework.Config):  # type: ignore[misc]
            def __setitem__(self, key: str, value: Any) -> None:
                super().__setitem__(f"OWN_{key}", value)

        found = []
        for kind in (framework.Config, Own):
            config = kind("")
            errors = outcome(config.from_object, Broken()), outcome(config.from_mapping, {"C": 1, 5: 2, "D": 3})
            found.append((errors, list(config.items()), config.get_namespace("OWN_")))
        return found

    same(program)


def test_a_property_of_an_object_reads_the_settings_before_it() -> None:
    def program(framework: Any) -> Any:
        config = framework.Config("")

        class Computed:
            def __get__(self, instance: object, owner: type | None = None) -> str:
                return f"{config.get('HOST')}/path"

        class Base:
            HOST = "host"
            PORT: Any = 1

        class OfClass(Base):
            URL = Computed()
            PORT = None

            def SHOWN(self) -> None: ...  # noqa: N802 - a setting

        class OfInstance(Base):
            @property
            def URL(self) -> str:  # noqa: N802 - a setting
                return f"{config['HOST']}:{config['PORT']}"

        module: Any = ModuleType("settings")
        module.__dict__.update(HOST="own", __dir__=lambda: ["HOST", "URL"], __getattr__=lambda name: config["HOST"])
        found = []
        for source in (OfClass, OfInstance(), module, Base, ModuleType("empty")):
            config.from_object(source)
            found.append({name: value for name, value in config.items() if name != "SHOWN"})
        return found, list(config)

    same(program)


def test_a_union_in_place_calls_no_method_of_a_subclass() -> None:
    def program(framework: Any) -> Any:
        class Own(framework.Config):  # type: ignore[misc]
            def update(self, *args: Any, **kwargs: Any) -> None:
                super().update(*args, **kwargs, BY_UPDATE=True)

        config: Any = Own("", {"A": 1})
        config |= {"A": 2, "DEBUG": True}
        config |= [("B", 3)]
        errors = [outcome(config.__ior__, other) for other in (5, None, [1])]
        config.update(C=4)
        return list(config.items()), errors

    same(program)


NAMES = st.sampled_from(["A", "B_C", "lower", "Mixed", "DEBUG", "SERVER_NAME", "É", "ß", "A1", "_", "__X__", "1"])
SETTINGS = st.dictionaries(NAMES, st.one_of(st.integers(), st.text(max_size=3), st.none()), max_size=5)


@given(st.lists(st.tuples(st.sampled_from(["class", "derived", "instance", "module"]), SETTINGS), max_size=3))
def test_settings_of_objects_are_loaded_as_in_flask(loads: Any) -> None:
    def program(framework: Any) -> Any:
        class Own(framework.Config):  # type: ignore[misc]
            def __setitem__(self, key: str, value: Any) -> None:
                super().__setitem__(key, (key, value))

        found = []
        for kind in (framework.Config, Own):
            config = kind("", {"DEBUG": False})
            for form, values in loads:
                if form == "module":
                    source: Any = ModuleType("settings")
                    vars(source).update(values)
                else:
                    source = type("Settings", (), values)
                    if form == "derived":
                        source = type("Derived", (type("Other", (), {"A": "other", "OTHER": 1}), source), {"B_C": 2})
                    elif form == "instance":
                        source = source()
                        vars(source).update(OWN=5, small=6)
                found.append((outcome(config.from_object, source), list(config.items())))
                found.append((outcome(config.from_mapping, values, D=1, d=2), list(config.items())))
        return found

    same(program)


@pytest.mark.parametrize("reads", ["__getitem__", "get", "both"])
def test_keys_that_a_class_of_configurations_computes_are_those_of_the_moment(reads: str) -> None:
    def program(lib: Any) -> Any:
        base = part(lib, "config").Config
        computed: dict[str, Any] = {}

        def item(config: Any, name: str) -> Any:
            return computed[name] if name in computed else base.__getitem__(config, name)

        def get(config: Any, name: str, default: Any = None) -> Any:
            return computed[name] if name in computed else base.get(config, name, default)

        methods: dict[str, dict[str, Any]] = {
            "__getitem__": {"__getitem__": item},
            "get": {"get": get},
            "both": {"__getitem__": item, "get": get},
        }
        app = type("App", (lib.Flask,), {"config_class": type("Own", (base,), methods[reads])})("computed")
        app.secret_key = "the key that is stored in the configuration"
        app.logger.disabled = True

        def count() -> str:
            lib.session["n"] = lib.session.get("n", 0) + 1
            return str(lib.session["n"])

        app.add_url_rule("/", "count", count)
        seen: list[Any] = []
        cookies: list[str] = []
        keys: list[Any] = [None, "key 1 of the moment, computed", None, "key 2 of the moment, computed", None]
        for key in keys:
            for fallbacks in (None, keys[1:2], [app.secret_key], None, keys[3:4]):
                computed.clear()
                computed |= {} if key is None else {"SECRET_KEY": key}
                computed |= {} if fallbacks is None else {"SECRET_KEY_FALLBACKS": fallbacks}
                seen.append(send(app, make_environ("/")))
                seen += [send(app, make_environ("/", HTTP_COOKIE=cookie)) for cookie in cookies[-6:]]
                cookies += [value.partition(";")[0] for name, value in seen[-1].headers if name == "Set-Cookie"]
        return seen

    same(program)


def test_settings_of_unusual_instances_are_loaded_as_in_flask() -> None:  # noqa: C901 - each kind is short
    def program(framework: Any) -> Any:
        class Plain:
            A: Any = 1
            lower = 2

            def __init__(self) -> None:
                self.B = "own"
                self.A = "own, too"

        class Derived(Plain):
            C = 3

            @property
            def D(self) -> str:  # noqa: N802 - a setting
                return f"{self.B} and {self.C}"

        class Slots:
            __slots__ = ("A", "B")
            C = 1

            def __init__(self) -> None:
                self.A = 1

        class SlotsToo(Slots):
            __slots__ = ("__dict__",)

        class Listing(Plain):
            def __dir__(self) -> Any:
                return ["A", "E", "lower"]

            def __getattr__(self, name: str) -> str:
                return f"found {name}"

        class Asking(Plain):
            def __getattribute__(self, name: str) -> Any:
                return {"HIDDEN": 1, "B": 2} if name == "__dict__" else object.__getattribute__(self, name)

        class OtherClass(Plain):
            __class__ = Slots  # type: ignore[assignment]

        class OtherDict(Plain):
            __dict__ = {"FROM_DICT": 1, "A": 2}

        class Meta(type):
            def __dir__(cls) -> Any:
                return ["A"]

        class OfMeta(Plain, metaclass=Meta):
            OTHER = 1

        changed = Plain()
        changed.__class__ = Derived
        found: Any = []
        kinds: Any = (Plain, Derived, SlotsToo, Listing, Asking, OtherClass, OtherDict, OfMeta)
        for source in (*(kind() for kind in kinds), OfMeta, changed, 5, "json", {"A": 1}, [], None, len, Slots()):
            config = framework.Config("", {"DEBUG": False})
            found.append((outcome(config.from_object, source), sorted(name for name in config), list(config)))
        return found

    same(program)


@given(
    st.dictionaries(st.one_of(NAMES, st.integers(0, 1)), st.integers(), max_size=4),
    st.dictionaries(NAMES, st.integers(), max_size=2),
    st.sampled_from([dict, list, lambda values: list(values.items()), lambda values: values or None]),
)
def test_settings_of_mappings_are_loaded_as_in_flask(values: Any, named: Any, form: Any) -> None:
    def program(framework: Any) -> Any:
        class Own(framework.Config):  # type: ignore[misc]
            def __setitem__(self, key: str, value: Any) -> None:
                super().__setitem__(key, (key, value))

        found: Any = []
        for kind in (framework.Config, Own):
            config = kind("", {"DEBUG": False, "B_C": 1})
            found.append((outcome(config.from_mapping, form(values), **named), list(config.items())))
            found.append((outcome(config.from_mapping, 0), outcome(config.from_mapping, [], A=1), list(config.items())))
        return found

    same(program)


_WAYS: dict[str, Callable[[Any, str, Any], object]] = {
    "item": lambda config, name, value: config.__setitem__(name, value),
    "update": lambda config, name, value: config.update({name: value}),
    "keyword": lambda config, name, value: config.update(**{name: value}),
    "pairs": lambda config, name, value: config.update([(name, value)]),
    "union": lambda config, name, value: config.__ior__({name: value}),
    "mapping": lambda config, name, value: config.from_mapping({name: value}),
    "mapping with others": lambda config, name, value: config.from_mapping({"lower": 1}, **{name: value}),
    "class": lambda config, name, value: config.from_object(type("Settings", (), {name: value})),
    "instance": lambda config, name, value: config.from_object(type("Settings", (), {name: value})()),
    "removed and default": lambda config, name, value: (config.pop(name), config.setdefault(name, value)),
    "deleted and set": lambda config, name, value: (config.__delitem__(name), config.update({name: value, "OTHER": 1})),
    "cleared": lambda config, name, value: (old := {**config, name: value}, config.clear(), config.update(old)),
    "patched": lambda config, name, value: mock.patch.dict(config, {name: value}).__enter__(),
}


@pytest.mark.parametrize("way", _WAYS)
def test_a_setting_has_effect_on_the_next_request_however_it_is_written(way: str) -> None:
    def program(lib: Any) -> Any:
        app, found = make_app(lib), list[Any]()

        @app.route("/")
        def index() -> str:
            return f"{app.debug} {app.testing} {lib.url_for('index', _external=True)}"

        @app.route("/error")
        def error() -> str:
            raise ValueError

        @app.route("/json")
        def answer() -> Any:
            return {"b": [1], "a": 2}

        def look() -> None:
            for path in ("/", "/error", "/json"):
                found.append(outcome(send, app, make_environ(path)))
            with app.app_context() as context:
                found.append(context.url_adapter and context.url_adapter.server_name)

        for name, values in (
            ("DEBUG", (True, False, None)),
            ("TESTING", (True, None, False)),
            ("SERVER_NAME", ("example.com", "other.example:81", None)),
        ):
            for value in values:
                look()
                _WAYS[way](app.config, name, value)
                look()
        return found

    same(program)


def test_a_mapping_may_change_while_it_is_loaded() -> None:
    def program(framework: Any) -> Any:
        class Name(str):
            __slots__ = ()

            def isupper(self) -> bool:
                mapping["LATE"] = 2
                return True

        config = framework.Config("/")
        mapping: dict[str, object] = {Name("first"): 1, "second": 3, "THIRD": 4}
        return outcome(config.from_mapping, mapping), list(config.items())

    same(program)
