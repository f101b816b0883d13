"""The command serve: a production server, which is granian.

The application is loaded in the worker processes, by `load`. This process only checks, in a process of its own, that it
can be loaded, and which interface suits it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import ssl
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, cast

import click

from .options import app_argument
from .script import ScriptInfo, pass_script_info

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from tuile.app import Flask
    from tuile.asgi.protocol import Receive, Scope, Send

    Interface = Literal["wsgi", "asgi"]

_MARK = "tuile serve: "
# Loads the application as a worker does, and prints what this process has to know.
_CHECK = "import sys; from tuile.cli.serve_command import check; check(sys.argv[1])"


class WorkerOptions(NamedTuple):
    """What a worker process needs, besides what granian tells it."""

    app_import_path: str
    interface: str
    threads: int | None
    trusted_proxies: tuple[str, ...]
    switch_interval: float | None


@click.command("serve", short_help="Run a production server.")
@app_argument
@click.option("--host", "-h", default="127.0.0.1", help="The interface to bind to; 0.0.0.0 for all.")
@click.option(
    "--port",
    "-p",
    default=8000,
    type=click.IntRange(0, 65535),
    envvar=["FLASK_SERVE_PORT", "PORT"],
    help="The port to bind to. Default: the variable PORT, or 8000.",
)
@click.option("--unix-socket", type=click.Path(path_type=Path), help="Bind to a Unix socket instead.")
@click.option(
    "--interface",
    type=click.Choice(("auto", "wsgi", "asgi")),
    default="auto",
    help="How to call the application. 'auto' is asgi if it has coroutine functions or functions for"
    " the start and end of serving, and wsgi otherwise.",
)
@click.option(
    "--workers",
    "-w",
    default=1,
    type=click.IntRange(1),
    envvar=["FLASK_SERVE_WORKERS", "WEB_CONCURRENCY"],
    help="How many processes to run. Default: the variable WEB_CONCURRENCY, or 1.",
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="How many requests each process answers at the same time. Default: 4 more than CPUs, at most 32.",
)
@click.option("--access-log/--no-access-log", default=False, help="Log each request.")
@click.option(
    "--log-level",
    type=click.Choice(("critical", "error", "warning", "info", "debug")),
    default="info",
    help="What the server logs about itself.",
)
@click.option(
    "--trusted-proxies",
    default="",
    metavar="ADDRESSES",
    help="Addresses and networks, separated by commas, of proxies whose X-Forwarded-For and"
    " X-Forwarded-Proto are believed. None by default.",
)
@click.option(
    "--graceful-timeout",
    default=30,
    type=click.IntRange(1),
    help="How many seconds requests have to end when the server stops.",
)
@click.option("--cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A certificate, for HTTPS.")
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The key of the certificate.")
@click.option("--reload/--no-reload", default=False, help="Restart the workers when a file changes.")
@click.option(
    "--switch-interval",
    type=click.FloatRange(0, min_open=True),
    help="Seconds after which a thread that computes lets others run. Python's default is 0.005.",
)
@pass_script_info
def serve_command(
    info: ScriptInfo,
    *,
    host: str,
    port: int,
    unix_socket: Path | None,
    interface: str,
    workers: int,
    threads: int | None,
    access_log: bool,
    log_level: str,
    trusted_proxies: str,
    graceful_timeout: int,
    cert: Path | None,
    key: Path | None,
    reload: bool,
    switch_interval: float | None,
) -> None:
    """Run a production server.

    APP is a file or a module, as for '--app': 'app.py', 'package', 'package:app' or
    'package:create_app("production")'. The server is granian: pip install "tuile[serve]".

    It stops at SIGTERM and SIGINT, when requests have ended, starts a worker again that
    ended unexpectedly, and starts all workers anew at SIGHUP.
    """
    _check_packages(reload=reload)
    if (cert is None) != (key is None):
        raise click.UsageError("HTTPS needs a certificate and its key: --cert cert.pem --key key.pem.")
    address = host if unix_socket else _address_of(host)
    proxies = _parse_proxies(trusted_proxies)
    path = _app_import_path(info)
    found = _check_in_other_process(path)
    chosen = found if interface == "auto" else interface
    options = WorkerOptions(path, chosen, threads, proxies, switch_interval)
    where = f"unix:{unix_socket}" if unix_socket else f"{'https' if cert else 'http'}://{_bracketed(host)}:{port}"
    click.echo(f" * Serving Flask app '{path}' on {where} ({chosen.upper()}, {workers} worker{'s'[: workers > 1]})")
    try:
        server = _make_server(
            options,
            address=address,
            port=port,
            uds=unix_socket,
            workers=workers,
            log_access=access_log,
            log_level=log_level,
            workers_kill_timeout=graceful_timeout,
            ssl_cert=cert,
            ssl_key=key,
            reload=reload,
        )
    except ssl.SSLError as error:
        raise click.UsageError(f"{cert} and {key} are no certificate and its key: {error}.") from None
    server.serve(target_loader=partial(load, options), wrap_loader=False)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _address_of(host: str) -> str:
    """Return the address of a host: the server binds to addresses, and not to names such as localhost."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise click.UsageError(f"--host takes an address or a name of this machine, not {host!r}.") from None
    # As for other servers, localhost is 127.0.0.1 where it is both.
    *_, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return str(address[0])


def _check_packages(*, reload: bool) -> None:
    needed = [("granian", "serve")] + ([("watchfiles", "watch")] if reload else [])
    for package, extra in needed:
        if importlib.util.find_spec(package) is None:
            raise click.ClickException(f"'tuile serve' needs {package}. Install it: pip install \"tuile[{extra}]\"")


def _parse_proxies(text: str) -> tuple[str, ...]:
    """Return the addresses and networks of proxies."""
    import ipaddress  # noqa: PLC0415 - only this command needs it

    proxies = tuple(filter(None, (part.strip() for part in text.split(","))))
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            raise click.UsageError(
                f"--trusted-proxies takes addresses and networks such as 127.0.0.1,10.0.0.0/8; not {proxy!r}."
            ) from None
    return proxies


def _app_import_path(info: ScriptInfo) -> str:
    """Return what the workers are to load."""
    if info.app_import_path:
        return info.app_import_path
    for name in ("wsgi.py", "app.py"):
        if os.path.isfile(name):
            return name
    raise click.UsageError(
        "Which application? Write 'tuile serve FILE', or set FLASK_APP. There is no 'wsgi.py' or 'app.py' here."
    )


def _check_in_other_process(path: str) -> str:
    """Load the application in another process, and return the interface that suits it.

    Not in this one, because workers that are forked from it would share what the application opens.
    """
    result = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", _CHECK, path], stdout=subprocess.PIPE, text=True, check=False
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith(_MARK)]
    if result.returncode or not lines:
        # What is wrong was printed.
        sys.exit(result.returncode or 1)
    found = json.loads(lines[-1].removeprefix(_MARK))
    if found["debug"]:
        raise click.UsageError(
            "Debug mode is on, and 'tuile serve' is for production. Use 'tuile run --debug', or unset FLASK_DEBUG."
        )
    interface: str = found["interface"]
    return interface


def check(path: str) -> None:
    """Print what `tuile serve` has to know about an application."""
    try:
        app = _load_app(path)
        app._check_settings()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (RuntimeError, TypeError, ValueError) as error:
        if error.__traceback__ is not None and _is_of_settings(error):
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        raise
    # On a line of its own, whatever the application has printed.
    print(f"\n{_MARK}{json.dumps({'interface': _suitable_interface(app), 'debug': app.debug})}")  # noqa: T201 - for the other process


def _is_of_settings(error: Exception) -> bool:
    """Return whether the check of the settings raised an error, and not the application."""
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_name == "_check_settings":
            return True
        frame = frame.tb_next
    return False


def _load_app(path: str) -> Flask:
    from tuile import shim  # noqa: PLC0415 - only where an application is loaded

    os.environ["FLASK_RUN_FROM_CLI"] = "true"
    shim.install(children=True)
    return ScriptInfo(path).load_app()


def _suitable_interface(app: Flask) -> Interface:
    """Return `asgi` for an application with something that runs on an event loop, and `wsgi` otherwise."""
    from inspect import iscoroutinefunction  # noqa: PLC0415 - only this command needs it

    hooks = app._serving_hooks
    if hooks.before or hooks.after or hooks.around or "asgi_app" in vars(app):
        return "asgi"
    if any(getattr(rule, "websocket", False) for rule in app.url_map.iter_rules()):
        return "asgi"
    return "asgi" if any(map(iscoroutinefunction, app.view_functions.values())) else "wsgi"


class _Server(Protocol):
    def serve(self, *, target_loader: Callable[[], object], wrap_loader: bool) -> None: ...


def _make_server(options: WorkerOptions, *, log_level: str, reload: bool, **given: object) -> _Server:
    """Return granian's server."""
    from granian import Granian  # noqa: PLC0415 - optional
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    if options.interface == "wsgi":
        given["blocking_threads"] = options.threads or min(32, (os.cpu_count() or 1) + 4)
        given["websockets"] = False  # WSGI has none, and granian would say so at every start
    return cast("Callable[..., _Server]", Granian)(
        options.app_import_path,
        interface=Interfaces(options.interface),
        log_level=LogLevels(log_level),
        respawn_failed_workers=True,
        reload=reload,
        **given,
    )


def load(options: WorkerOptions) -> Callable[..., object]:
    """Return the callable for the server: called in each worker process."""
    app = _load_app(options.app_import_path)
    if options.switch_interval is not None:
        sys.setswitchinterval(options.switch_interval)
    if options.interface == "asgi":
        if options.threads is not None:
            app.config["ASGI_WORKERS"] = options.threads
        return _asgi_callable(app, options.trusted_proxies)
    return _wsgi_callable(app, options.trusted_proxies)


def _asgi_callable(app: Flask, trusted_proxies: tuple[str, ...]) -> Callable[..., object]:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await app.asgi_app(scope, receive, send)

    if not trusted_proxies:
        return serve
    from granian.utils.proxies import wrap_asgi_with_proxy_headers  # noqa: PLC0415 - optional

    wrapped: Callable[..., object] = wrap_asgi_with_proxy_headers(serve, list(trusted_proxies))
    return wrapped


def _wsgi_callable(app: Flask, trusted_proxies: tuple[str, ...]) -> Callable[..., object]:
    if not trusted_proxies:
        return app

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> object:
        return app(environ, start_response)

    from granian.utils.proxies import wrap_wsgi_with_proxy_headers  # noqa: PLC0415 - optional

    wrapped: Callable[..., object] = wrap_wsgi_with_proxy_headers(serve, list(trusted_proxies))
    return wrapped
