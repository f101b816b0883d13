"""Class-based views."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.beside_flask import outcome, same
from tuile import Flask, g, request
from tuile.views import MethodView, View, http_method_funcs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuile.testing import FlaskClient


class Greeting(View):
    """Greets whoever is named."""

    def __init__(self, word: str, *, mark: str = ".") -> None:
        self.word = word
        self.mark = mark

    def dispatch_request(self, name: str = "you") -> str:
        return f"{self.word} {name}{self.mark}"


class Methods(MethodView):
    def get(self) -> str:
        return "got"

    def post(self) -> str:
        return "posted"


def test_the_view_makes_an_instance_with_the_arguments_of_as_view(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/<name>", view_func=Greeting.as_view("greet", "Hello", mark="!"))
    assert client.get("/world").text == "Hello world!"


def test_the_view_function_describes_its_class() -> None:
    class Limited(Greeting):
        """Limited."""

        methods = ["GET", "PUT"]
        provide_automatic_options = False

    view: Any = Limited.as_view("limited", "Hi")
    assert (view.__name__, view.__doc__, view.__module__) == ("limited", "Limited.", __name__)
    assert view.view_class is Limited
    assert view.methods == ["GET", "PUT"]
    assert view.provide_automatic_options is False


def test_another_class_can_be_put_into_a_registered_view(app: Flask, client: FlaskClient) -> None:
    class Stub(View):
        def __init__(self, word: str) -> None:
            self.word = word

        def dispatch_request(self) -> str:
            return f"stub for {self.word}"

    view: Any = Greeting.as_view("greet", "Hello")
    app.add_url_rule("/", view_func=view)
    view.view_class = Stub
    assert client.get("/").text == "stub for Hello"


@pytest.mark.parametrize(("every", "numbers"), [(True, ["1", "1"]), (False, ["1", "2"])])
def test_an_instance_serves_one_request_or_all_of_them(
    app: Flask, client: FlaskClient, every: bool, numbers: list[str]
) -> None:
    class Counter(View):
        init_every_request = every

        def __init__(self) -> None:
            self.count = 0

        def dispatch_request(self) -> str:
            self.count += 1
            return str(self.count)

    app.add_url_rule("/", view_func=Counter.as_view("counter"))
    assert [client.get("/").text for _ in range(2)] == numbers


def test_an_instance_that_counts_as_false_still_serves_all_requests(app: Flask, client: FlaskClient) -> None:
    made: list[object] = []

    class Empty(View):
        init_every_request = False

        def __init__(self) -> None:
            made.append(self)

        def __len__(self) -> int:
            return 0

        def dispatch_request(self) -> str:
            return "served"

    app.add_url_rule("/", view_func=Empty.as_view("empty"))
    assert [client.get("/").text for _ in range(2)] == ["served", "served"]
    assert len(made) == 1


def test_decorators_are_applied_in_order_and_see_the_final_name(app: Flask, client: FlaskClient) -> None:
    names: list[tuple[str, str]] = []

    def surround(mark: str) -> Callable[[Callable[..., str]], Callable[..., str]]:
        def decorator(function: Callable[..., str]) -> Callable[..., str]:
            names.append((function.__name__, function.__module__))

            def surrounded(**values: Any) -> str:
                return mark + function(**values) + mark

            return surrounded

        return decorator

    class Decorated(Greeting):
        decorators = [surround("a"), surround("b")]

    view: Any = Decorated.as_view("decorated", "Hi")
    app.add_url_rule("/", view_func=view)
    assert client.get("/").text == "baHi you.ab"
    assert names[0] == ("decorated", __name__)
    assert (view.__name__, view.view_class) == ("decorated", Decorated)


def test_a_view_without_an_answer_is_an_error() -> None:
    with pytest.raises(NotImplementedError):
        View().dispatch_request()


def test_a_view_outside_of_any_application_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        Greeting.as_view("greet", "Hello")()
    with pytest.raises(RuntimeError, match="Working outside of request context"):
        Methods().dispatch_request()


# Views by method


def test_the_methods_of_a_method_view_are_those_it_has() -> None:
    class Inherited(Methods):
        def propfind(self) -> str:
            return "no HTTP method that Flask knows"

        def delete(self) -> str:
            return "deleted"

    class Explicit(Methods):
        methods = {"PROPFIND"}

    class Both(Explicit, Inherited):
        pass

    class Nothing(MethodView):
        pass

    assert Methods.methods == {"GET", "POST"}
    assert Inherited.methods == {"GET", "POST", "DELETE"}
    assert Explicit.methods == {"PROPFIND"}
    assert Both.methods == {"GET", "POST", "DELETE", "PROPFIND"}
    assert Nothing.methods is None


@pytest.mark.parametrize("method", sorted(http_method_funcs))
def test_a_request_goes_to_the_method_of_its_name(app: Flask, client: FlaskClient, method: str) -> None:
    kind: type[MethodView] = type("Single", (MethodView,), {method: lambda self: f"by {request.method}"})
    app.add_url_rule("/", view_func=kind.as_view("single"))
    response = client.open("/", method=method.upper())
    assert response.status_code == 200
    assert response.text == ("" if method == "head" else f"by {method.upper()}")


def test_head_is_answered_by_get_unless_there_is_a_head(app: Flask, client: FlaskClient) -> None:
    class Own(MethodView):
        def get(self) -> tuple[str, dict[str, str]]:
            return "", {"X-By": "get"}

    class WithHead(Own):
        def head(self) -> tuple[str, dict[str, str]]:
            return "", {"X-By": "head"}

    app.add_url_rule("/own", view_func=Own.as_view("own"))
    app.add_url_rule("/head", view_func=WithHead.as_view("head"))
    assert client.head("/own").headers["X-By"] == "get"
    assert client.head("/head").headers["X-By"] == "head"


def test_a_method_that_is_allowed_but_not_written_is_the_programmers_error(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/", view_func=Methods.as_view("methods"), methods=["PATCH"])
    with pytest.raises(AssertionError, match="Unimplemented method 'PATCH'"):
        client.patch("/")


def test_other_methods_are_not_allowed(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/", view_func=Methods.as_view("methods"))
    response = client.put("/")
    assert response.status_code == 405
    assert sorted(response.allow) == ["GET", "HEAD", "OPTIONS", "POST"]


def test_asynchronous_methods_are_waited_for(app: Flask, client: FlaskClient) -> None:
    class Patient(MethodView):
        async def get(self) -> str:
            g.waited = True
            return "waited" if g.waited else "lost"

    class PatientView(View):
        async def dispatch_request(self) -> str:  # type: ignore[override] # an asynchronous answer
            return "waited too"

    app.add_url_rule("/method", view_func=Patient.as_view("method"))
    app.add_url_rule("/view", view_func=PatientView.as_view("view"))
    assert client.get("/method").text == "waited"
    assert client.get("/view").text == "waited too"


@pytest.mark.parametrize("decorators", [None, [], (), [lambda view: view], "fresh"])
def test_a_view_function_has_the_attributes_that_flask_gives_it(decorators: Any) -> None:
    def program(framework: Any) -> Any:
        seen = []

        def renamed(view: Any) -> Any:
            seen.append((view.__name__, view.__module__, sorted(vars(view))))

            def changed(**given: Any) -> Any:
                return view(**given)

            return changed

        views: Any = import_module(f"{framework.__name__}.views")

        class Shown(views.View):  # type: ignore[misc] # of either framework
            """What is shown."""

        Shown.decorators = [renamed, renamed] if decorators == "fresh" else decorators
        view = Shown.as_view("shown")
        return seen, view.__name__, view.__module__, view.__doc__, view.methods, view.provide_automatic_options

    same(program)


def test_what_decorators_return_is_given_its_attributes_in_flasks_order() -> None:
    def program(framework: Any) -> Any:
        views: Any = import_module(f"{framework.__name__}.views")
        seen: list[Any] = []

        class Noting:
            def __init__(self, view: Any) -> None:
                seen.append(view.__name__)

            def __setattr__(self, name: str, value: object) -> None:
                seen.append((name, isinstance(value, type) or value))

        for decorator in (Noting, lambda view: len, lambda view: view.__call__, lambda view: None, lambda view: "view"):
            shown: Any = type("Shown", (views.View,), {"decorators": [decorator], "methods": ["GET"]})
            result = outcome(shown.as_view, "shown")
            seen.append(result if result[0] == "raised" else type(result[1]).__name__)
        return seen

    same(program)


@pytest.mark.parametrize("every", [True, False])
def test_an_instance_may_be_anything(every: bool) -> None:
    def program(framework: Any) -> Any:
        views: Any = import_module(f"{framework.__name__}.views")
        made: list[object] = []

        class Nothing(views.View):  # type: ignore[misc] # of either framework
            init_every_request = every

            def __new__(cls) -> Any:
                made.append(cls.__name__)

        view = Nothing.as_view("nothing")
        with framework.Flask("shop", root_path="/", static_folder=None).app_context():
            return outcome(view), outcome(view), made

    same(program)
