"""What the command lines of all benchmarks have in common: their options, and what becomes of the results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.results import Results
from benchmarks.tables import Figures


def parser_of(module: str, document: str | None) -> argparse.ArgumentParser:
    """A parser for this benchmark, with `--quick` and `--json`; its docstring's first line describes it."""
    description = (document or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{module}", description=description)
    parser.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes; the figures mean little"
    )
    parser.add_argument("--json", type=Path, help="keep the results in this file")
    return parser


def conclude(
    results: Results, tables: Sequence[Figures], path: Path | None, console: Console, remark: str = ""
) -> None:
    """Print the tables and under them the machine and a remark; keep the results where a file is named."""
    console.print(*(table.on_terminal() for table in tables), sep="\n")
    console.print(f"{results.machine}.{remark}")
    if path:
        results.save(path)
