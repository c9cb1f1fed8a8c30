"""Who may import whom: imports point down, each SDK has one door, and this says so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOREIGN_DOORS = {
    "mns": {"sink.sources.sdk"},
    "aliyun": {"sink.stores.sls"},
    "httptools": {"sink.wire.connection"},
    "alibabacloud_credentials": {"sink.credentials"},
    "aliyunsdkcore": set(),
    "sqlalchemy": {
        "sink.ledger.tables",
        "sink.ledger.database",
        "sink.ledger.runs",
        "sink.ledger.admissions",
        "sink.ledger.circuits",
        "sink.ledger.lease",
        "sink.ledger.prepared",
    },
    "structlog": {"sink.telemetry"},
    "typer": {"sink.cli"},
}
MAY_IMPORT = {
    "sink.errors": set(),
    "sink.backoff": set(),
    "sink.events": set(),
    "sink.wire": {"sink.errors"},
    "sink.lease": {"sink.errors"},
    "sink.pipeline": {"sink.errors", "sink.events", "sink.lease", "sink.backoff"},
    "sink.config": {"sink.errors"},
    "sink.action": {"sink.errors", "sink.events", "sink.config"},
    "sink.guard": {"sink.errors", "sink.events", "sink.config", "sink.action"},
    "sink.ledger": {"sink.errors"},
    "sink.dispatch": {
        "sink.errors",
        "sink.events",
        "sink.config",
        "sink.backoff",
        "sink.action",
        "sink.guard",
        "sink.ledger",
    },
    "sink.replay": {
        "sink.errors",
        "sink.events",
        "sink.config",
        "sink.action",
        "sink.guard",
        "sink.dispatch",
    },
    "sink.cloud": {"sink.errors", "sink.backoff", "sink.credentials", "sink.action", "sink.wire"},
    "sink.testing": {
        "sink.errors",
        "sink.events",
        "sink.action",
        "sink.cloud",
        "sink.credentials",
        "sink.dispatch",
        "sink.local",
    },
    "sink.credentials": {"sink.errors"},
    "sink.sources": {"sink.errors", "sink.credentials", "sink.lease", "sink.wire"},
    "sink.stores": {"sink.errors", "sink.events", "sink.credentials", "sink.backoff", "sink.wire"},
    "sink.telemetry": {"sink.errors", "sink.events"},
    "sink.local": set(),
    "sink.analysis": {"sink.errors", "sink.events", "sink.stores"},
}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted((ROOT / "sink").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def room_of(module: str) -> str:
    """The row of the table that a module belongs to: `sink.stores.sls` to `sink.stores`."""
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    """The table of DESIGN: a file that needs more stands in the wrong room."""
    imported = {
        room_of(name)
        for module, path in modules().items()
        if room_of(module) == room
        for name in imports_of(path)
        if name.startswith("sink.") and room_of(name) != room
    }

    assert imported <= MAY_IMPORT[room]


def test_actions_come_through_the_door_of_third_parties() -> None:
    """They know of the sink what every author may know, and of each other nothing."""
    for action in sorted(path for path in (ROOT / "actions").iterdir() if path.is_dir()):
        imported = {
            name
            for path in action.rglob("*.py")
            for name in imports_of(path)
            if name.startswith(("sink.", "actions."))
        }
        ours = {name for name in imported if name.startswith(f"actions.{action.name}.")}
        assert imported - ours <= {"sink.action", "sink.events", "sink.errors"}


@pytest.mark.parametrize("package", FOREIGN_DOORS)
def test_a_foreign_package_has_one_door(package: str) -> None:
    """Its exceptions and its habits are known in one file; the embedded cloud uses none of them."""
    importers = {
        module
        for module, path in modules().items()
        if any(name.split(".")[0] == package for name in imports_of(path))
    }

    assert importers == FOREIGN_DOORS[package]


def test_only_the_command_line_sees_the_embedded_cloud() -> None:
    """And only inside its commands, so that a sink in production never loads it; besides what tests use."""
    importers = {
        module
        for module, path in modules().items()
        if room_of(module) != "sink.local" and any(name.startswith("sink.local") for name in imports_of(path))
    }

    assert {room_of(module) for module in importers} == {"sink.cli", "sink.testing"}
