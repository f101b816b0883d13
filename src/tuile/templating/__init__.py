"""Render templates.

Importing this package does not import Jinja, which applications without templates do not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .. import invalidation
from ..ctx.app_context import current_value
from ..ctx.functions import stream_with_context
from ..flask_names import offer_flasks_names
from ..globals import current_app, g, request, session
from ..helpers import get_flashed_messages
from ..lazy import late_modules
from ..patched import in_place_of, names
from ..signals import before_render_template, send_signal, template_rendered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import Template

    from ..app import Flask
    from ..local import LocalProxy
    from . import jinja
    from .jinja import DispatchingJinjaLoader, Environment
else:
    # It imports jinja2.
    (jinja,) = late_modules(__name__, ".jinja")

__all__ = [
    "DispatchingJinjaLoader",
    "Environment",
    "create_environment",
    "gather_context",
    "render_template",
    "render_template_string",
    "stream_template",
    "stream_template_string",
]


def __getattr__(name: str) -> object:
    """Return `Environment` or `DispatchingJinjaLoader`, imported on first use."""
    if name not in ("DispatchingJinjaLoader", "Environment"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(jinja, name)


def create_environment(app: Flask) -> Environment:
    """Return the Jinja environment of `app`, with its options, globals and JSON policies."""
    options = dict(app.jinja_options)
    options.setdefault("autoescape", app.select_jinja_autoescape)
    if "auto_reload" not in options:
        reload = app.config["TEMPLATES_AUTO_RELOAD"]
        options["auto_reload"] = app.debug if reload is None else reload
    environment: Environment = app.jinja_environment(app, **options)
    environment.globals.update(
        url_for=app.url_for,
        get_flashed_messages=in_place_of("flask.app.get_flashed_messages", get_flashed_messages),
        config=app.config,
        # An imported template does not get the context of the template that imports it.
        request=in_place_of("flask.app.request", request),
        session=in_place_of("flask.app.session", session),
        g=in_place_of("flask.app.g", g),
    )
    if app.config.get("CSRF") is not None:
        from ..csrf import offer_token  # noqa: PLC0415 - only with CSRF

        offer_token(app, environment.globals)
    environment.policies["json.dumps_function"] = app.json.dumps
    return environment


def _default_template_ctx_processor() -> dict[str, object]:
    """Return `g` and `request` as objects, which are faster to read than their proxies.

    The session stays a proxy: reading it here would count as access to the session.
    """
    context = current_value(None)
    if context is None:
        return {}
    own = context._own_app_ctx
    values: dict[str, object] = {"g": context._g if own is None else own.g}
    request = context._make_request() if context._request is None else context._request
    if request is not None:
        values["request"] = request
    return values


_DEFAULT_ALONE = [_default_template_ctx_processor]


def gather_context(app: Flask, context: dict[str, object]) -> None:
    """Add the results of the context processors to `context`; values that it already has take precedence.

    The application's processors run first, then those of the request's blueprints, outermost first. Later values
    override earlier ones.
    """
    processors = app.template_context_processors
    running = current_value(None)
    if len(processors) == 1 and processors.get(None) == _DEFAULT_ALONE:
        plan = app._plan
        if (plan if plan.epoch is invalidation.epoch else app._current_plan()).calls_directly:
            if running is not None:
                # What the processor returns.
                own = running._own_app_ctx
                if "g" not in context:
                    context["g"] = running._g if own is None else own.g
                asked = running._make_request() if running._request is None else running._request
                if "request" not in context and asked is not None:
                    context["request"] = asked
            return
    given = context.copy()
    scopes: tuple[str | None, ...] = (None,)
    if running is not None and running.request is not None:
        scopes = (None, *reversed(running.request.blueprints))
    for scope in scopes:
        for processor in processors.get(scope, ()):
            context.update(app.ensure_sync(processor)())
    context.update(given)


def _running_app() -> Flask:
    """Return the application whose context is active."""
    context = current_value(None)
    # The unbound proxy raises an error that says what is missing.
    if context is None or "flask.templating.current_app" in names:
        return cast("Flask", cast("LocalProxy", current_app)._get_current_object())
    app: Flask = context.app
    return app


def _from_string(app: Flask, source: str) -> Template:
    return app.jinja_env.from_string(source)


def _render(app: Flask, template: Template, context: dict[str, object]) -> str:
    app.update_template_context(context)
    if before_render_template.receivers:
        send_signal(before_render_template, app, app.ensure_sync, template=template, context=context)
    text = jinja.render(template, context)
    if template_rendered.receivers:
        send_signal(template_rendered, app, app.ensure_sync, template=template, context=context)
    return text


def _stream(app: Flask, template: Template, context: dict[str, object]) -> Iterator[str]:
    app.update_template_context(context)
    if before_render_template.receivers:
        send_signal(before_render_template, app, app.ensure_sync, template=template, context=context)

    def pieces() -> Iterator[str]:
        if jinja.generates_plainly(template):
            # What its method does, without another generator for each piece to pass.
            try:
                yield from template.root_render_func(template.new_context(context))
            except Exception:  # noqa: BLE001 - it is raised again, with the lines of templates in its traceback
                template.environment.handle_exception()
        else:
            yield from template.generate(context)
        if template_rendered.receivers:
            send_signal(template_rendered, app, app.ensure_sync, template=template, context=context)

    running = current_value(None)
    if running is None or running.request is None:
        return pieces()
    # The server iterates after the view has returned, when the request context has ended.
    return stream_with_context(pieces())


def render_template(template_name_or_list: str | Template | list[str | Template], **context: object) -> str:
    """Render a template by name.

    Args:
        template_name_or_list: The name, or several names, of which the first that exists is used.
        context: The values for the template.

    Raises:
        jinja2.TemplateNotFound: If there is no such template; TemplatesNotFound for several names.
    """
    app = _running_app()
    return _render(app, app.jinja_env.get_or_select_template(template_name_or_list), context)


def render_template_string(source: str, **context: object) -> str:
    """Render a template from its source.

    Args:
        source: The source. Never use text that came from a client.
        context: The values for the template.
    """
    app = _running_app()
    return _render(app, _from_string(app, source), context)


def stream_template(template_name_or_list: str | Template | list[str | Template], **context: object) -> Iterator[str]:
    """Render a template piece by piece, as an iterator that a view can return.

    The arguments are those of `render_template`.
    """
    app = _running_app()
    return _stream(app, app.jinja_env.get_or_select_template(template_name_or_list), context)


def stream_template_string(source: str, **context: object) -> Iterator[str]:
    """Render a template from its source piece by piece, as an iterator that a view can return.

    The arguments are those of `render_template_string`.
    """
    app = _running_app()
    return _stream(app, _from_string(app, source), context)


offer_flasks_names(__name__)
