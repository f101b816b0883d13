"""The Jinja environment and loader of an application and its blueprints.

This module imports jinja2, so it is imported when the first template is needed.
"""

from __future__ import annotations

from collections import ChainMap
from io import StringIO
from types import MethodType
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from jinja2 import BaseLoader, TemplateNotFound, TemplateSyntaxError
from jinja2 import Environment as JinjaEnvironment
from jinja2 import Template as JinjaTemplate
from jinja2.compiler import CodeGenerator as JinjaCodeGenerator
from jinja2.utils import LRUCache, internalcode, missing
from markupsafe import escape

from ..ctx.app_context import current_value
from ..invalidation import as_defined, attributes, is_method_of
from ..urls import UrlBuilding, link_writer
from .autoescape import is_plain
from .compiling import CodeGenerator
from .folding import Sources, compiles_plainly
from .running import ABSENT, Context, names_of_code, written
from .shared_code import code_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
    from types import CodeType

    from jinja2 import nodes
    from jinja2.environment import TemplateModule
    from jinja2.runtime import Context as JinjaContext

    from ..app import Flask
    from ..sansio.app import App
    from ..sansio.scaffold import Scaffold

    # The source, its file name, and a function that tells whether the file is unchanged.
    _Source = tuple[str, str | None, Callable[[], bool] | None]


# What `Environment` defines and Flask's does not.
_OWN_OF_ENVIRONMENT = (
    *("template_class", "context_class", "code_generator_class"),
    *("getattr", "get_template", "get_or_select_template", "from_string"),
)
_new: Callable[[type[Context]], Context] = object.__new__
_begin = Context.__init__
_of_environment = attributes(JinjaEnvironment, ("_load_template", "concat", "get_template", "get_or_select_template"))
_load_template, _concat, _get_template, _get_or_select_template = _of_environment.values()
_from_string = as_defined(JinjaEnvironment, "from_string")
_load = as_defined(BaseLoader, "load")
_render, _generate = as_defined(JinjaTemplate, "render"), as_defined(JinjaTemplate, "generate")
_KNOWN_GENERATORS = (CodeGenerator, JinjaCodeGenerator)


class Template(JinjaTemplate):
    """A Jinja template that merges its globals and the given values at once."""

    def new_context(
        self, vars: dict[str, object] | None = None, shared: bool = False, locals: Mapping[str, object] | None = None
    ) -> JinjaContext:
        """Return a context with the given values and the globals of the template."""
        environment = self.environment
        chain = self.globals
        if type(chain) is not ChainMap or environment.context_class is not Context:
            return super().new_context(vars, shared, locals)
        # Jinja would look up each name in a ChainMap; merging dictionaries is much faster.
        maps = chain.maps
        if len(maps) == 2 and not maps[0]:
            merged = maps[1]
        else:
            merged = {}
            for globals_ in reversed(maps):
                merged.update(globals_)
        given = vars or {}
        parent = dict(merged, **given) if not shared else given.copy() if locals else given
        if locals:
            for name, value in locals.items():
                if value is not missing:
                    parent[name] = value
        context = _new(Context)
        _begin(context, environment, parent, self.name, self.blocks, merged)
        return context

    def _get_default_module(self, ctx: JinjaContext | None = None) -> TemplateModule:
        """Return the module for an import; with a context, one that has the globals of the template it is for."""
        module, chain = self._module, self.globals
        if (
            module is not None
            and not self.environment.is_async
            and (ctx is None or (type(chain) is ChainMap and not ctx.globals_keys.difference(*chain.maps)))
        ):
            # Jinja looks up each name in the ChainMap.
            return module
        return super()._get_default_module(ctx)

    @classmethod
    def _from_namespace(
        cls, environment: JinjaEnvironment, namespace: MutableMapping[str, object], globals: MutableMapping[str, object]
    ) -> Template:
        """Make a template of what its code has defined; its output is escaped in fewer steps."""
        if environment.code_generator_class in _KNOWN_GENERATORS and namespace.get("escape") is escape:
            # Their code calls it only for what is joined to the output.
            namespace["escape"] = written
        return cast("Template", super()._from_namespace(environment, namespace, globals))


class Environment(JinjaEnvironment):
    """A Jinja environment that knows its application."""

    template_class = Template
    context_class: type[JinjaContext] = Context
    code_generator_class = CodeGenerator
    _sources: Sources | None = None
    # What `autoescape` is if it depends on the name of a template alone.
    _plain_autoescape: object = None

    def __init_subclass__(cls, **keywords: object) -> None:
        """Let a subclass have what its other base classes define: Flask's class leaves it to them."""
        super().__init_subclass__(**keywords)
        for name in _OWN_OF_ENVIRONMENT:
            first, second, *_ = (kind for kind in cls.__mro__ if name in vars(kind))
            if first is Environment and second is not JinjaEnvironment:
                setattr(cls, name, vars(second)[name])

    def __init__(self, app: Flask, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        escapes = self.autoescape
        if isinstance(escapes, bool) or is_plain(escapes):
            self._plain_autoescape = escapes
        self.app = app

    def _names_of_code(self, escape_of_code: Callable[[object], str], functions: Sequence[str]) -> dict[str, object]:
        """Return what `names_of_code` does, and what the code of a template has of this environment."""
        given = self.globals.get("url_for")
        is_own = type(given) is MethodType and given.__self__ is self.app and given.__func__ is _url_for
        names = names_of_code(escape_of_code, functions)
        names["item_of"] = self._item_of
        names["stock_read"] = MethodType(_getattr, self)
        names["own_link"] = given if is_own else ABSENT
        names["write_link"] = link_writer(self.app)
        return names

    @internalcode
    def getattr(self, obj: Mapping[str, object], attribute: str) -> object:
        """Return an attribute of an object, else its item, else undefined."""
        # With a default, Python makes no error for an attribute that most objects do not have.
        found: object = getattr(obj, attribute, ABSENT)
        return found if found is not ABSENT else self._item_of(obj, attribute)

    @internalcode
    def _item_of(self, obj: Mapping[str, object], name: str) -> object:
        """Return an item of an object that has no attribute of its name, else undefined."""
        # As in `item_or_nothing`.
        if not hasattr(type(obj), "__getitem__") and not isinstance(obj, type):
            return self.undefined(obj=obj, name=name)
        try:
            return obj[name]
        except (TypeError, LookupError, AttributeError):
            return self.undefined(obj=obj, name=name)

    @internalcode
    def get_template(
        self,
        name: str | JinjaTemplate,
        parent: str | None = None,
        globals: MutableMapping[str, object] | None = None,
    ) -> JinjaTemplate:
        """Return a template by name.

        Args:
            name: The name, or a template, which is returned as it is.
            parent: The template that includes or extends it.
            globals: Values to add to the globals of the template.

        Raises:
            jinja2.TemplateNotFound: If there is no such template.
        """
        loader = self.loader
        cache: object = self.cache
        if (
            type(name) is str
            and not globals
            and type(cache) is LRUCache
            and type(self) is Environment
            and loader is not None
            and JinjaEnvironment._load_template is _load_template
            and JinjaEnvironment.get_template is _get_template
        ):
            # What Jinja does for a template that is in the cache, in fewer calls.
            if parent is not None:
                name, parent = self.join_path(name, parent), None
            key = ref(loader), name
            # Which template was used last matters only when the cache is nearly full.
            kept = cache._mapping if 2 * len(cache._mapping) <= cache.capacity else cache
            template: JinjaTemplate | None = kept.get(key)
            if template is not None and (not self.auto_reload or template.is_up_to_date):
                return template
        return super().get_template(name, parent, globals)

    def from_string(
        self,
        source: str | nodes.Template,
        globals: MutableMapping[str, object] | None = None,
        template_class: type[JinjaTemplate] | None = None,
    ) -> JinjaTemplate:
        """Return a new template for a source.

        Args:
            source: The source, which is compiled once as long as the environment stays as it is.
            globals: Values to add to the globals of the template.
            template_class: The class of the template.
        """
        code = _code_of(self, source) if JinjaEnvironment.from_string is _from_string else None
        if code is None:
            return super().from_string(source, globals, template_class)
        return (template_class or self.template_class).from_code(self, code, self.make_globals(globals), None)

    @internalcode
    def get_or_select_template(
        self,
        template_name_or_list: str | JinjaTemplate | list[str | JinjaTemplate],
        parent: str | None = None,
        globals: MutableMapping[str, object] | None = None,
    ) -> JinjaTemplate:
        """Return a template by name, or the first of several that exists."""
        if type(template_name_or_list) is str and JinjaEnvironment.get_or_select_template is _get_or_select_template:
            return self.get_template(template_name_or_list, parent, globals)
        return super().get_or_select_template(template_name_or_list, parent, globals)


def render(template: JinjaTemplate, context: dict[str, object]) -> str:
    """Render a template, as its method does unless that was replaced."""
    method, environment = template.render, template.environment
    is_stock = type(template) is Template and type(method) is MethodType and method.__func__ is _render
    if not is_stock or environment.is_async:
        return method(context)
    try:
        # Without another copy of the context.
        own = template.new_context(context)
        if type(own) is Context and environment.concat is _concat:
            own.joins = True
        return environment.concat(template.root_render_func(own))
    except Exception:  # noqa: BLE001 - it is raised again, with the lines of templates in its traceback
        environment.handle_exception()


def generates_plainly(template: JinjaTemplate) -> bool:
    """Return whether the method that generates the pieces of a template is Jinja's, for functions that do not wait."""
    kind, environment = type(template), template.environment
    return kind is Template and not environment.is_async and is_method_of(_generate, template.generate)


_getattr = Environment.getattr
_url_for = vars(UrlBuilding)["url_for"]


def _code_of(environment: Environment, source: object) -> CodeType | None:
    """Return the code of a source, kept while the environment stays as it is; None to let Jinja compile it."""
    if type(source) is not str or not compiles_plainly(environment):
        return None
    auto = environment.autoescape
    if callable(auto) and not is_plain(auto):
        # A function of the application's own is called for each template.
        return _compile_once(environment, source)
    sources = environment._sources
    if sources is None or not sources.are_current(environment):
        sources = Sources(environment, _KNOWN_GENERATORS, _compile_once)
        environment._sources = sources
    return sources.code(source) if sources.are_kept else _compile_once(environment, source)


def _compile_once(environment: JinjaEnvironment, source: str) -> CodeType:
    """Compile a source that is run once by Jinja's own generator: Tuile's takes more than twice as long."""
    if environment.code_generator_class is not CodeGenerator:
        return environment.compile(source)
    try:
        stream = StringIO()
        generator = JinjaCodeGenerator(environment, None, None, stream, optimized=environment.optimized)
        generator.visit(environment._parse(source, None, None))
        return environment._compile(stream.getvalue(), "<template>")
    except TemplateSyntaxError:
        # The same error, which shows the source then. Compiled once more, it would call filters and extensions twice.
        environment.handle_exception(source=source)


class DispatchingJinjaLoader(BaseLoader):
    """A loader that tries the application's loader first, then those of the blueprints."""

    def __init__(self, app: App) -> None:
        self.app = app

    @internalcode
    def load(
        self, environment: JinjaEnvironment, name: str, globals: MutableMapping[str, object] | None = None
    ) -> JinjaTemplate:
        """Load a template, whose code may have been compiled for another application."""
        if (
            type(environment) is not Environment
            or environment.bytecode_cache is not None
            or BaseLoader.load is not _load
        ):
            return super().load(environment, name, globals)
        source, filename, is_current = self.get_source(environment, name)
        code = code_of_file(environment, source, name, filename)
        given = {} if globals is None else globals
        return environment.template_class.from_code(environment, code, given, is_current)

    def get_source(self, environment: JinjaEnvironment, template: str) -> _Source:
        """Return the template of the first loader that has it.

        Raises:
            TemplateNotFound: If no loader has it.
        """
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
        """Return the same as `get_source`, but try all loaders and log their results."""
        # Imported here because only EXPLAIN_TEMPLATE_LOADING needs it.
        from ..debughelpers import explain_template_loading_attempts  # noqa: PLC0415

        attempts: list[tuple[BaseLoader, Scaffold, _Source | None]] = []
        for owner, loader in self._iter_loaders(template):
            try:
                answer: _Source | None = loader.get_source(environment, template)
            except TemplateNotFound:
                answer = None
            attempts.append((loader, owner, answer))

        context = current_value(None)
        blueprint = None if context is None or context.request is None else context.request.blueprint
        explain_template_loading_attempts(self.app, template, attempts, blueprint)
        for _, _, found in attempts:
            if found is not None:
                return found
        raise TemplateNotFound(template)

    def _iter_loaders(self, template: str) -> Iterator[tuple[Scaffold, BaseLoader]]:
        """Yield the app and the blueprints that may have the template, with their loaders, in the order of lookup."""
        return self._own_loaders()

    def _own_loaders(self) -> Iterator[tuple[Scaffold, BaseLoader]]:
        owners: list[Scaffold] = [self.app, *self.app.iter_blueprints()]
        for owner in owners:
            loader = owner.jinja_loader
            if loader is not None:
                yield owner, loader

    def list_templates(self) -> list[str]:
        """Return the names of all templates, without duplicates."""
        return list({name for _, loader in self._own_loaders() for name in loader.list_templates()})
