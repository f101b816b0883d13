"""``python -m tuile``: the command line without its script. Floor 6, the edges.

Nothing but the call lives here.
"""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
