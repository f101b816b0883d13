"""Monitoring agents report the same events, spans and names for an application on Tuile as on Flask."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fresh import observe_both, run

TUILE = Path(sys.executable).with_name("tuile")


def need(*packages: str) -> None:
    """Skip the test if an agent is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed; make test installs it")


def need_opentelemetry() -> None:
    need("opentelemetry")
    need("opentelemetry.sdk", "opentelemetry.instrumentation.flask")


SHOP = """
    from flask import Blueprint, Flask, Response, abort, render_template_string, request, session, stream_with_context

    def make_app():
        app = Flask("shop", static_folder=None)
        app.secret_key = "x"

        @app.get("/hello/<name>")
        def hello(name):
            return f"hello {name}"

        @app.post("/boom")
        def boom():
            session["count"] = 1
            raise ValueError("on purpose")

        @app.get("/teapot")
        def teapot():
            abort(418)

        @app.get("/stream")
        def stream():
            return Response(stream_with_context(str(number) + request.path for number in range(3)))

        @app.get("/log")
        def log():
            app.logger.error("bad %s", "thing")
            return render_template_string("{{ 1 + 1 }}")

        inner = Blueprint("inner", "inner", url_prefix="/inner")
        inner.get("/<int:number>")(lambda number: str(number))
        app.register_blueprint(inner)
        return app

    ASKED = [("GET", "/hello/you?a=1"), ("POST", "/hello/you"), ("POST", "/boom"), ("GET", "/teapot"),
             ("GET", "/stream"), ("GET", "/log"), ("GET", "/inner/5"), ("GET", "/inner/x"), ("GET", "/nothing")]

    def ask_all(app):
        client = app.test_client()
        return [client.open(path, method=method, headers={"X-Custom": "1"}).status for method, path in ASKED]
"""


def test_sentry_reports_the_same_events() -> None:
    need("sentry_sdk")
    seen = observe_both(
        SHOP
        + """
    import logging, sentry_sdk, warnings
    # Its own affair, on both sides.
    warnings.simplefilter("ignore")
    from sentry_sdk.transport import Transport
    logging.getLogger("shop").addHandler(logging.NullHandler())
    logging.getLogger("shop").propagate = False
    reports = []

    class Keep(Transport):
        def capture_envelope(self, envelope):
            reports.extend(item.payload.json for item in envelope.items if item.type in ("event", "transaction"))

    sentry_sdk.init("https://key@sentry.invalid/1", transport=Keep, traces_sample_rate=1.0, send_default_pii=True)
    from flask import Flask
    seen = [ask_all(make_app())]
    sentry_sdk.flush()
    for report in reports:
        # Frames of this program: Tuile's own are "in the app" for Sentry where it is not among the installed packages.
        frames = [
            [frame["function"] for frame in error["stacktrace"]["frames"] if frame["filename"] == "<string>"]
            for error in report.get("exception", {}).get("values", [])
        ]
        errors = [
            [error["type"], error["value"], error.get("mechanism")]
            for error in report.get("exception", {}).get("values", [])
        ]
        trace = report.get("contexts", {}).get("trace", {})
        seen.append([
            report.get("type"), report.get("transaction"), report.get("transaction_info"), report.get("request"),
            report.get("logentry"), report.get("logger"), errors, frames, trace.get("op"), trace.get("origin"),
            trace.get("status"), [[span["op"], span["description"]] for span in report.get("spans", [])],
            sorted(report.get("sdk", {}).get("integrations", [])),
        ])
    """
    )
    transactions = [report[1] for report in seen[1:] if report[0] == "transaction"]
    assert {"hello", "boom", "teapot", "log"} <= set(transactions)
    assert any(report[6] and report[6][0][:2] == ["ValueError", "on purpose"] for report in seen[1:])
    assert "flask" in seen[1][-1]


@pytest.mark.parametrize("way", ["class", "app"])
def test_opentelemetry_reports_the_same_spans(way: str) -> None:
    need_opentelemetry()
    seen = observe_both(
        SHOP
        + f"""
    import warnings
    # Its own affair, on both sides.
    warnings.simplefilter("ignore")
    from opentelemetry import trace
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    trace.set_tracer_provider(provider)
    if {way!r} == "class":
        FlaskInstrumentor().instrument(enable_commenter=True)
        import flask
        Flask = flask.Flask
        app = make_app()
    else:
        app = make_app()
        FlaskInstrumentor().instrument_app(app)
    seen = [ask_all(app)]
    with app.test_request_context("/hello/you"):
        app.preprocess_request()
    for span in kept.get_finished_spans():
        events = [[event.name, event.attributes.get("exception.type")] for event in span.events]
        attributes = sorted([name, str(value)] for name, value in span.attributes.items())
        seen.append([span.name, span.kind.name, span.status.status_code.name, attributes, events])
    if {way!r} == "class":
        FlaskInstrumentor().uninstrument()
        seen.append(flask.Flask.__name__)
    else:
        FlaskInstrumentor().uninstrument_app(app)
        before = len(kept.get_finished_spans())
        ask_all(app)
        seen.append(len(kept.get_finished_spans()) - before)
    """
    )
    names = [span[0] for span in seen[1:-1]]
    assert {"GET /hello/<name>", "POST /boom", "GET /inner/<int:number>"} <= set(names)
    assert seen[-1] == ("Flask" if way == "class" else 0)


@pytest.mark.parametrize("order", ["agent outside", "agent inside"])
def test_opentelemetrys_own_wrapper_and_exec_work_in_either_order(tmp_path: Path, order: str) -> None:
    need_opentelemetry()
    wrapper = Path(sys.executable).with_name("opentelemetry-instrument")
    tmp_path.joinpath("script.py").write_text(
        "import flask; print(flask.Flask.__name__, flask.Flask.__mro__[1].__module__)"
    )
    command = [sys.executable, "script.py"]
    command = [wrapper, TUILE, "exec", *command] if order == "agent outside" else [TUILE, "exec", wrapper, *command]  # type: ignore[list-item] # paths, made text by run
    quiet = {f"OTEL_{kind}_EXPORTER": "none" for kind in ("TRACES", "METRICS", "LOGS")}
    done = run(
        command, cwd=tmp_path, environment={**quiet, "PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}
    )
    assert done.stdout == "_InstrumentedFlask flask.app\n"
