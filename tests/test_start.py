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
