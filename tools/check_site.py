"""Check the built documentation site: it needs nothing from elsewhere, and every name of the API has an entry."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.api_pages import PAGES  # noqa: E402 - found by the line above

SITE = ROOT / "site"
# What a browser fetches by itself: not the links that users follow, and not the address of the page itself.
_FETCHED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(https?:[^\"> ]+)|<link\b[^>]*>")
_SHEET = re.compile(r"rel=\"?(?:stylesheet|icon|preload|preconnect|prefetch)")
_IMPORT = re.compile(r"@import\s+[\"']?(?:url\()?[\"']?(https?:[^\"')]+)|url\([\"']?(https?:[^\"')]+)")


def fetched(text: str) -> list[str]:
    """Return the addresses elsewhere that a page makes a browser fetch."""
    found = []
    for match in _FETCHED.finditer(text):
        if match[1]:
            found.append(match[1])
        elif _SHEET.search(match[0]):
            found += re.findall(r"href=\"?(https?:[^\"> ]+)", match[0])
    return found


def main() -> None:
    """Print what is wrong, and fail if anything is."""
    pages = sorted(SITE.rglob("*.html"))
    wrong = [
        f"{page.relative_to(SITE)} fetches {one}" for page in pages for one in fetched(page.read_text(encoding="utf-8"))
    ]
    for sheet in SITE.rglob("*.css"):
        wrong += [f"{sheet.name} fetches {one}" for one in _IMPORT.findall(sheet.read_text(encoding="utf-8"))]
    for name, page in PAGES.items():
        text = (SITE / "api" / f"{name}.html").read_text(encoding="utf-8")
        wrong += [f"api/{name}.html has no entry for {one}" for one in page.names if f'id="{one}"' not in text]
    if wrong or not pages:
        sys.exit("\n".join(wrong) or "There is no site.")
    print(f"site/ has {len(pages)} pages, and {sum(len(page.names) for page in PAGES.values())} names of the API.")


if __name__ == "__main__":
    main()
