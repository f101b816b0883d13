"""The type variables of the methods that register functions, for type checkers and for extensions that import them."""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from typing import TypeVar

from .. import typing as ft

F = TypeVar("F", bound=Callable[..., object])
T_after_request = TypeVar("T_after_request", bound=ft.AfterRequestCallable[t.Any])
T_before_request = TypeVar("T_before_request", bound=ft.BeforeRequestCallable)
T_error_handler = TypeVar("T_error_handler", bound=ft.ErrorHandlerCallable)
T_route = TypeVar("T_route", bound=ft.RouteCallable)
T_shell_context_processor = TypeVar("T_shell_context_processor", bound=ft.ShellContextProcessorCallable)
T_teardown = TypeVar("T_teardown", bound=ft.TeardownCallable)
T_template_context_processor = TypeVar("T_template_context_processor", bound=ft.TemplateContextProcessorCallable)
T_template_filter = TypeVar("T_template_filter", bound=ft.TemplateFilterCallable)
T_template_global = TypeVar("T_template_global", bound=ft.TemplateGlobalCallable)
T_template_test = TypeVar("T_template_test", bound=ft.TemplateTestCallable)
T_url_defaults = TypeVar("T_url_defaults", bound=ft.URLDefaultCallable)
T_url_value_preprocessor = TypeVar("T_url_value_preprocessor", bound=ft.URLValuePreprocessorCallable)

#: What is registered, of any kind.
Entry = TypeVar("Entry")
Function = TypeVar("Function", bound=Callable[..., object])
