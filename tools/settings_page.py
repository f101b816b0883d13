"""The page of the settings, made from the table in `tuile.config`."""

from __future__ import annotations

from tuile.config import DEFAULTS, Default

_FIRST_OF_TUILE = "SECRET_KEY_RETIRED"
_HEAD = """\
# Settings

The settings of `app.config`. This page is made from the table in `src/tuile/config.py`.

```sh
tuile settings                  # those of your application: the value, the default, and which line sets it
tuile settings SESSION_IDLE     # what one means
tuile settings --json           # for programs
```

Keys, passwords and tokens are not printed.
"""


def _row(setting: Default) -> str:
    """Return the row of a setting."""
    cells = [f"`{setting.name}`", f"`{setting.value!r}`", setting.unit, setting.meaning]
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def settings_page() -> str:
    """Return the page as Markdown: Flask's settings, and those that only Tuile has."""
    lines = [_HEAD]
    flasks = [setting.name for setting in DEFAULTS].index(_FIRST_OF_TUILE)
    for heading, settings in (("Flask's", DEFAULTS[:flasks]), ("Tuile's own", DEFAULTS[flasks:])):
        lines += [f"## {heading}", "", "| name | default | type | meaning |", "| --- | --- | --- | --- |"]
        lines += [*map(_row, settings), ""]
    return "\n".join(lines)
