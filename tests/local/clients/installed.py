"""Clients that cannot live in this project's own environment, installed once and kept for later runs.

Node packages need npm, and some Python packages would overwrite ours (`aliyun-mns` is the old name of
`aliyun-mns-sdk`). Each set goes into a folder of the user's cache that is named by what is in it, so that
a changed version makes a new one. A file lock lets test workers share an installation.

Where an installation is not possible the tests are skipped with the reason; on CI that is a failure.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGE_JSON = Path(__file__).with_name("package.json")


def node_modules() -> Path:
    """The folder with the Node clients of `package.json`."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            _unavailable(f"{program} is not installed")
    return _once("node", PACKAGE_JSON.read_text(), _install_node) / "node_modules"


def python_with(requirement: str) -> Path:
    """The interpreter of an environment that has this one package, and what it needs."""
    wanted = f"{requirement} {sys.version_info[:2]}"
    folder = _once("python", wanted, lambda folder: _install_python(folder, requirement))
    return folder / "bin" / "python"


def _once(kind: str, wanted: str, install: Callable[[Path], None]) -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ecs-event-sink-tests"
    home.mkdir(parents=True, exist_ok=True)
    name = f"{kind}-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / name / "complete").exists():
            shutil.rmtree(home / name, ignore_errors=True)
            (home / name).mkdir()
            install(home / name)
            (home / name / "complete").touch()
    return home / name


def _install_node(folder: Path) -> None:
    shutil.copy(PACKAGE_JSON, folder)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    _run(["npm", "install", *quiet, "--prefix", str(folder)])


def _install_python(folder: Path, requirement: str) -> None:
    _run([sys.executable, "-m", "venv", str(folder)])
    _run([str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", requirement])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        _unavailable(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")


def _unavailable(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
