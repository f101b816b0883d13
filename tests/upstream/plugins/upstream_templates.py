"""A pytest plugin: from its import on, Jinja's environment, its templates and their code are Tuile's.

The environments that Jinja derives from its own, for sandboxes and native types, stay as they are.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import jinja2

if TYPE_CHECKING:
    from types import ModuleType

    from tuile.templating import jinja as templating
else:
    # The package imports it late, and shows a proxy.
    templating = importlib.import_module("tuile.templating.jinja")

JinjaEnvironment, JinjaTemplate = jinja2.Environment, jinja2.Template


class Environment(templating.Environment):
    """Tuile's, of no application."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.app: Any = object()
        JinjaEnvironment.__init__(self, *args, **options)


def render(self: jinja2.Template, *args: Any, **kwargs: Any) -> str:
    """Render a template as `render_template` does."""
    if self.environment.is_async:
        return JinjaTemplate.render(self, *args, **kwargs)
    return templating.render(self, dict(*args, **kwargs))


for _name, _value in (("render", render), ("environment_class", Environment)):
    setattr(templating.Template, _name, _value)
# It asks whether the method was replaced.
setattr(templating, "_render", render)  # noqa: B010
IN_THE_PLACE_OF: dict[type, type] = {JinjaEnvironment: Environment, JinjaTemplate: templating.Template}


def replace_in(module: ModuleType) -> None:
    """Put our classes behind every name in a module that means one of Jinja's."""
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value in IN_THE_PLACE_OF:
            setattr(module, name, IN_THE_PLACE_OF[value])


for _name in ("jinja2", "jinja2.environment", "jinja2.ext"):
    replace_in(importlib.import_module(_name))
