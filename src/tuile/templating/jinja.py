"""Jinja, with the templates of an application and its blueprints.

Floor 3 (what a view reaches for).

Lives here: `Environment` and `DispatchingJinjaLoader`, which are subclasses of Jinja's own. It is
the one room that imports jinja2 with itself, so it is imported when a template is first needed.
Does not live here: what a view calls to render (templating).
"""

from __future__ import annotations

from collections import ChainMap, OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from jinja2 import BaseLoader, TemplateNotFound
from jinja2 import Environment as JinjaEnvironment
from jinja2 import Template as JinjaTemplate
from jinja2.runtime import Context

from ..ctx.app_context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

    from ..app import Flask
    from ..sansio.scaffold import Scaffold

    # The text, the file it is from, and whether that is still how the file is.
    _Source = tuple[str, str | None, Callable[[], bool] | None]


# How many sources that were given as strings an environment keeps compiled.
_SOURCES_KEPT = 128
# What a compiled template depends on and what is usually changed in place.
_REGISTRIES = ("filters", "tests", "policies", "extensions")


class Template(JinjaTemplate):
    """Jinja's template, which merges its globals and the values at once."""

    def new_context(self, vars: dict[str, Any] | None = None, shared: bool = False, locals: Any = None) -> Context:
        """A context with these values, over the globals of the template and of its environment."""
        environment = self.environment
        chain = self.globals
        if shared or locals or type(chain) is not ChainMap or environment.context_class is not Context:
            return super().new_context(vars, shared, locals)
        # Dictionaries are merged in C, a ChainMap name by name in Python: 6.4 -> 1.2 µs with 12 globals on
        # CPython 3.11 (this method alone, for the page that benchmarks/in_process.py renders).
        own, *others = chain.maps
        if own or len(others) != 1:
            merged: dict[str, Any] = {}
            for globals_ in reversed(chain.maps):
                merged.update(globals_)
        else:
            merged = cast("dict[str, Any]", others[0])
        return Context(environment, dict(merged, **(vars or {})), self.name, self.blocks, globals=merged)


class Environment(JinjaEnvironment):
    """Jinja's environment, knowing its application."""

    template_class = Template
    _sources: _Sources | None = None

    def __init__(self, app: Flask, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app


def template_from_string(environment: JinjaEnvironment, source: str) -> JinjaTemplate:
    """A new template of a source, which is compiled once for an environment that has not changed since."""
    kind = type(environment)
    if (
        not isinstance(environment, Environment)
        or kind.from_string is not JinjaEnvironment.from_string
        or kind.compile is not JinjaEnvironment.compile
        or type(source) is not str
    ):
        return environment.from_string(source)
    sources = environment._sources
    if sources is None or not sources.are_of(environment):
        sources = _Sources(environment)
        environment._sources = sources
    code = sources.code(source)
    return environment.template_class.from_code(environment, code, environment.make_globals(None), None)


class _Sources:
    """The sources that were compiled with one state of an environment, the latest used last."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._state = _state(environment)
        self._registries = [dict(getattr(environment, name)) for name in _REGISTRIES]
        self._codes: OrderedDict[str, CodeType] = OrderedDict()
        self._lock = Lock()

    def are_of(self, environment: Environment) -> bool:
        """Whether they are what this environment would compile now."""
        # An overlay begins with all that the environment below it has, this object too.
        return (
            environment is self._environment
            and self._state == _state(environment)
            and self._registries
            == [environment.filters, environment.tests, environment.policies, environment.extensions]
        )

    def code(self, source: str) -> CodeType:
        """The code of a source, compiled if need be."""
        with self._lock:
            code = self._codes.get(source)
            if code is not None:
                self._codes.move_to_end(source)
                return code
        code = self._environment.compile(source)
        with self._lock:
            self._codes[source] = code
            if len(self._codes) > _SOURCES_KEPT:
                self._codes.popitem(last=False)
        return code


def _state(environment: Environment) -> tuple[dict[str, Any], Any]:
    """What an environment is set to, and whether a source without a name is escaped at this moment."""
    escape = environment.autoescape
    attributes = vars(environment).copy()
    attributes.pop("_sources", None)
    return attributes, escape(None) if callable(escape) else escape


class DispatchingJinjaLoader(BaseLoader):
    """A loader that asks the application's own loader first, then each blueprint's."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def get_source(self, environment: JinjaEnvironment, template: str) -> _Source:
        """What the first loader that has the template gives; TemplateNotFound when none has."""
        if self.app.config["EXPLAIN_TEMPLATE_LOADING"]:
            return self._get_source_explained(environment, template)
        return self._get_source_fast(environment, template)

    def _get_source_fast(self, environment: JinjaEnvironment, template: str) -> _Source:
        for _, loader in self._iter_loaders(template):
            try:
                return loader.get_source(environment, template)
            except TemplateNotFound:
                continue
        raise TemplateNotFound(template)

    def _get_source_explained(self, environment: JinjaEnvironment, template: str) -> _Source:
        """Ask every loader, log what each answered, then answer as without the explanation."""
        # Only for those who asked for an explanation.
        from ..debughelpers import explain_template_loading_attempts  # noqa: PLC0415

        attempts: list[tuple[BaseLoader, Scaffold, _Source | None]] = []
        for owner, loader in self._iter_loaders(template):
            try:
                answer: _Source | None = loader.get_source(environment, template)
            except TemplateNotFound:
                answer = None
            attempts.append((loader, owner, answer))

        context = current.get(None)
        asking = None if context is None or context.request is None else context.request.blueprint
        explain_template_loading_attempts(self.app, template, attempts, asking)
        for _, _, found in attempts:
            if found is not None:
                return found
        raise TemplateNotFound(template)

    def _iter_loaders(self, template: str) -> Iterator[tuple[Scaffold, BaseLoader]]:
        """Who may have the template, with the loader of each, in the order of asking."""
        return self._own_loaders()

    def _own_loaders(self) -> Iterator[tuple[Scaffold, BaseLoader]]:
        owners: list[Scaffold] = [self.app, *self.app.iter_blueprints()]
        for owner in owners:
            loader = owner.jinja_loader
            if loader is not None:
                yield owner, loader

    def list_templates(self) -> list[str]:
        """The names of all templates, each once."""
        return list({name for _, loader in self._own_loaders() for name in loader.list_templates()})
