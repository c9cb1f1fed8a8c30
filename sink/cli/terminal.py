"""Where commands print tables: a terminal as wide as it is, a pipe or a file wide enough."""

from __future__ import annotations

import sys

from rich.console import Console

_PIPED_COLUMNS = 200


def table_console() -> Console:
    """A console whose tables are not folded at 80 columns for want of a terminal."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPED_COLUMNS)
