"""What is loaded when: a start is quick because nothing is imported that it does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SDKS = {"mns", "aliyun", "aliyunsdkcore", "alibabacloud_credentials"}
ANALYSIS = {"pandas", "numpy", "scipy", "statsmodels", "matplotlib"}
CLOUD = {"duckdb", "uvicorn", "lark", "sqlglot", "google"}


def test_the_help_loads_neither_settings_nor_event_loop_nor_anything_of_a_command() -> None:
    """A command line that answers at once imports nothing heavy before it knows the command."""
    loaded = loaded_by("sys.argv[1:] = ['--help']; from sink.cli import main; main()")

    heavy = {"asyncio", "pydantic", "rich", "structlog", "sqlalchemy", "uvloop"}
    assert loaded & (SDKS | ANALYSIS | CLOUD | heavy) == set()


def test_a_sink_without_actions_loads_nothing_of_theirs(tmp_path: Path) -> None:
    """From the settings to the last event: no database, no SDK but that of the queue, no analysis."""
    loaded = loaded_by_run(tmp_path, actions="")

    assert loaded & (ANALYSIS | CLOUD | SDKS | {"sqlalchemy"}) == {"mns"}


def test_a_sink_with_actions_loads_neither_the_cloud_nor_what_only_searches(tmp_path: Path) -> None:
    """The embedded cloud is another process, and records are written without the SDK."""
    loaded = loaded_by_run(tmp_path, actions="restart, slb_removal")

    assert loaded & (ANALYSIS | CLOUD | {"aliyun"}) == set()
    assert "sqlalchemy" in loaded


def test_an_embedded_cloud_starts_without_its_parsers(tmp_path: Path) -> None:
    """What queries, faults and scenes need is loaded when somebody asks for it."""
    opening = """
import asyncio, sink.local.server
from sink.local.options import build_cloud, parse_options

async def open():
    async with build_cloud(parse_options(["--data", "data"])):
        pass

asyncio.run(open())
"""
    loaded = loaded_by(opening, tmp_path)

    assert loaded & ({"lark", "sqlglot", "pydantic"} | ANALYSIS | SDKS) == set()
    assert "duckdb" in loaded


def loaded_by_run(folder: Path, actions: str) -> set[str]:
    """The packages that `sink run --drain` loads, on an embedded cloud of its own."""
    config = f"[actions]\nenabled = {actions}\n[local]\nenabled = yes\nfleet = 0\n"
    (folder / "config.ini").write_text(config, encoding="utf-8")
    return loaded_by("sys.argv[1:] = ['run', '--drain']; from sink.cli import main; main()", folder)


def loaded_by(code: str, folder: Path | None = None) -> set[str]:
    """The packages that are loaded when the code, which may leave by SystemExit, has run."""
    program = f"""
import sys
try:
    exec({code!r})
except SystemExit:
    pass
print(*sorted({{name.partition(".")[0] for name in sys.modules}}), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())
