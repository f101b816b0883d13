"""Tuile: Flask's interface on a thin core."""

import sys as _sys
import typing as _t
from importlib import import_module as _import_module

# Each import statement takes time, so there is one for each module.
# isort: off
from . import (
    json as json,
    shim as shim,
)
from .app import Flask as Flask
from .blueprints import Blueprint as Blueprint
from .config import Config as Config
from .ctx.functions import (
    after_this_request as after_this_request,
    copy_current_request_context as copy_current_request_context,
    copy_current_websocket_context as copy_current_websocket_context,
    has_app_context as has_app_context,
    has_request_context as has_request_context,
    has_websocket_context as has_websocket_context,
    stream_with_context as stream_with_context,
)
from .globals import (
    cookies as cookies,
    current_app as current_app,
    g as g,
    request as request,
    session as session,
    websocket as websocket,
)
from .helpers import (
    abort as abort,
    flash as flash,
    get_flashed_messages as get_flashed_messages,
    get_template_attribute as get_template_attribute,
    is_safe_redirect as is_safe_redirect,
    make_response as make_response,
    redirect as redirect,
    send_file as send_file,
    send_from_directory as send_from_directory,
)
from .json import jsonify as jsonify
from .signals import (
    appcontext_popped as appcontext_popped,
    appcontext_pushed as appcontext_pushed,
    appcontext_tearing_down as appcontext_tearing_down,
    before_render_template as before_render_template,
    got_request_exception as got_request_exception,
    got_websocket_exception as got_websocket_exception,
    message_flashed as message_flashed,
    request_finished as request_finished,
    request_started as request_started,
    request_tearing_down as request_tearing_down,
    template_rendered as template_rendered,
    websocket_finished as websocket_finished,
    websocket_started as websocket_started,
    websocket_tearing_down as websocket_tearing_down,
)
from .templating import (
    render_template as render_template,
    render_template_string as render_template_string,
    stream_template as stream_template,
    stream_template_string as stream_template_string,
)
from .urls import url_for as url_for
from .wrappers.request import Request as Request
from .wrappers.response import Response as Response
# isort: on

if _t.TYPE_CHECKING:
    from .event_streams import ServerSentEvent as ServerSentEvent
    from .event_streams import sse as sse

# From now on `import flask` means Tuile too, unless TUILE_SHIM=0 is set or Flask itself was imported before.
shim.install_by_default()


def __getattr__(name: str) -> object:
    """Import what few applications use, when it is first used."""
    if name in {"cli", "logging", "typing"}:
        # Flask imports these modules itself.
        return _import_module(f"{__name__}.{name}")
    if name not in {"ServerSentEvent", "sse"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import event_streams  # noqa: PLC0415 - it needs asyncio

    found: object = getattr(event_streams, name)
    setattr(_sys.modules[__name__], name, found)
    return found
