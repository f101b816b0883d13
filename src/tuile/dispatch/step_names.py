"""The names of the methods and attributes of an app that its plan depends on."""

from __future__ import annotations

#: The methods of an app that prevent a shortcut if they are overridden. Other methods can be overridden at no cost.
STEPS: dict[str, tuple[str, ...]] = {
    # Steps that are left out while they have nothing to do: before the URL is matched, at the end, and around the call
    # of each registered function.
    "adapter": ("create_url_adapter",),
    "app context": ("app_context",),
    "ends": ("do_teardown_appcontext", "do_teardown_request", "should_ignore_error"),
    "calls": ("ensure_sync",),
    # Steps that the fast path takes the place of.
    "serving": ("_run", "_serve_by_steps", "request_context"),
    # The step around hooks and view. It is called if it is overridden.
    "around": ("full_dispatch_request",),
    # Steps before the view returns. If none is overridden, the view is called directly.
    "before": ("dispatch_request", "preprocess_request"),
    # Steps after that. If none is overridden, text and JSON are sent without a response object.
    "after": ("_convert_response", "finalize_request", "make_response", "process_response"),
    # How a thread runs a coroutine function.
    "awaiting": ("async_to_sync",),
    # Steps of a request that no view answers. If none is overridden, its response is sent as it is.
    "without a view": (
        "_as_page",
        "_error_page",
        "handle_user_exception",
        "make_default_options_response",
        "raise_routing_exception",
    ),
    # Steps of `handle_user_exception`, which does the same if none is overridden.
    "handling": ("_find_error_handler", "handle_http_exception", "trap_http_exception"),
    # Steps after an error that nothing handles.
    "unhandled": ("handle_exception", "log_exception"),
    "entry": ("__call__", "wsgi_app"),
    # The entry of ASGI servers.
    "asgi entry": ("asgi_app",),
    "urls": ("inject_url_defaults", "url_for"),
    "build_errors": ("handle_url_build_error",),
    "debug": ("debug",),
    # If one of these is overridden, changes of the app are not detected.
    "notices": ("__delattr__", "__getattribute__", "__setattr__"),
}
#: The attributes of an app that a plan depends on.
WATCHED = frozenset(name for names in STEPS.values() for name in names if name != "debug")
WATCHED |= {
    "__class__",
    "app_ctx_globals_class",
    "config",
    "json",
    "request_class",
    "response_class",
    "session_interface",
}
WATCHED |= {"after_request_funcs", "before_request_funcs", "teardown_request_funcs", "url_value_preprocessors"}
WATCHED |= {"subdomain_matching", "url_default_functions", "url_map"}
#: The groups of steps that a response to a request without a view depends on.
WITHOUT_A_VIEW = ("adapter", "around", "before", "without a view", "handling")
