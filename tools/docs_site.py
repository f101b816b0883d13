"""What the documentation site has besides docs/: a hook of MkDocs, which `make docs-site` runs.

It adds the pages at the root of the repository, the settings from the table in the code, and the API reference; it
points links at the pages of the site, or at the repository for what is not on it.
"""

from __future__ import annotations

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tools.api_pages import PAGES as API_PAGES  # noqa: E402 - found by the line above
from tools.api_pages import page_of  # noqa: E402
from tools.settings_page import settings_page  # noqa: E402

# The pages of the site that are at the root of the repository, for Git hosts to show.
ROOT_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
}
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))")
_FENCE = re.compile(r"^(```python) (?:run|continue)$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Fill in the parts of the navigation that are lists of files."""
    config.nav = [_filled(entry) for entry in config.nav]
    return config


def _filled(entry: Any) -> Any:
    """Return an entry of the navigation with `api` and `decisions` replaced by their pages."""
    if isinstance(entry, list):
        return [_filled(one) for one in entry]
    if isinstance(entry, dict):
        return {title: _filled(one) for title, one in entry.items()}
    if entry == "decisions":
        return [f"decisions/{path.name}" for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    return [{page.title: f"api/{name}.md"} for name, page in API_PAGES.items()] if entry == "api" else entry


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are not in docs/."""
    file = import_module("mkdocs.structure.files").File  # only the site's environment has it

    made = {target: (ROOT / source).read_text(encoding="utf-8") for source, target in ROOT_PAGES.items()}
    made["settings.md"] = settings_page()
    made.update({f"api/{name}.md": page_of(name) for name in API_PAGES})
    for name, content in made.items():
        files.append(file.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - the names are given
    """Take the marks for the tests from code blocks, and point links at the pages of the site."""
    name = page.file.src_uri
    sources = {target: source for source, target in ROOT_PAGES.items()}
    source = sources.get(name) or f"docs/{name}"
    linked = _LINK.sub(lambda found: _link_on_site(found[1], source, name, config.repo_url), markdown)
    return _FENCE.sub(r"\1", linked)


def _link_on_site(link: str, source: str, name: str, repository: str) -> str:
    """Return a link as the site needs it.

    Args:
        link: As it is written in the repository.
        source: The file that has it, from the root of the repository.
        name: The page of the site that has it.
        repository: The address of the repository.
    """
    path, _, anchor = link.partition("#")
    if not path or re.match(r"[a-z]+:", link):
        return link
    target = os.path.normpath(os.path.join(os.path.dirname(source), path))
    anchor = f"#{anchor}" if anchor else ""
    if target == "docs/README.md":
        return os.path.relpath("index.md", os.path.dirname(name) or ".") + anchor
    if target in ROOT_PAGES:
        return os.path.relpath(ROOT_PAGES[target], os.path.dirname(name) or ".") + anchor
    if target.startswith("docs/") and not (ROOT / target).is_dir():
        return os.path.relpath(target.removeprefix("docs/"), os.path.dirname(name) or ".") + anchor
    if not (ROOT / target).exists():
        return link  # MkDocs reports it
    return f"{repository}/blob/main/{target}{anchor}"
