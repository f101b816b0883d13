"""See what a request does: which cookies came, what was read and changed at which line, and what browsers will do.

`tuile run --inspect` shows it on a page of its own. Nothing below this package imports it.
"""
