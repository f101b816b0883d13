"""Jinja, with the templates of an application and its blueprints.

Floor 3 (what a view reaches for).

Lives here: `Environment` and `DispatchingJinjaLoader`, which are subclasses of Jinja's own. It is
the one room that imports jinja2 with itself, so it is imported when a template is first needed.
Does not live here: what a view calls to render (templating).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, TemplateNotFound
from jinja2 import Environment as JinjaEnvironment

from .context import current

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .app import Flask
    from .scaffold import Scaffold

    # The text, the file it is from, and whether that is still how the file is.
    _Source = tuple[str, str | None, Callable[[], bool] | None]


class Environment(JinjaEnvironment):
    """Jinja's environment, knowing its application."""

    def __init__(self, app: Flask, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app


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
        from .debugging import explain_template_loading_attempts  # noqa: PLC0415

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
