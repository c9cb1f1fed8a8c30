"""The options of `sink local`, read and turned into a `Cloud`.

`server.main` calls both. argparse rather than typer, because `embedded.attach` starts this process and
waits for it: every tenth of a second of import counts.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NoReturn

from sink.local.accounts import DEFAULT_KEY, AccessKey, Accounts, parse_account
from sink.local.app import Cloud
from sink.local.fleets import FleetPlan
from sink.local.ram.policy import Policy, load_policy


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line. Exits with 64 and a text on stderr if it is faulty."""
    parser = _parser()
    options = parser.parse_args(arguments)
    known = [key.key_id for key in options.account or [DEFAULT_KEY]]
    for key_id, _ in options.policy:
        if key_id not in known:
            parser.error(f"--policy for {key_id}, which is none of the keys {', '.join(known)}")
    return options


def build_cloud(options: argparse.Namespace) -> Cloud:
    """The cloud that the options describe. The fleet belongs to the first account."""
    keys, policies = options.account or [DEFAULT_KEY], dict(options.policy)
    accounts = Accounts(replace(key, policy=policies.get(key.key_id)) for key in keys)
    owner = keys[0].account_id
    fleet = FleetPlan(options.fleet, options.fleet_speed, options.fleet_queue, Random(), owner)
    return Cloud(options.data, accounts, index_latency_seconds=options.index_latency, fleet=fleet)


def _parser() -> _Parser:
    parser = _Parser(
        prog="sink local", description="Alibaba Cloud, embedded: MNS, SLS, ECS and its balancers on loopback."
    )
    add = parser.add_argument
    form = "ACCOUNT:KEY:SECRET[:TOKEN]"
    add("--port", type=int, default=0, help="on 127.0.0.1; 0, the default, takes a free one")
    add("--data", type=Path, default=Path("data"), help="folder of all state; as in config.ini by default")
    add(
        "--account",
        type=_account,
        action="append",
        metavar=form,
        help="repeatable; default local:local-secret",
    )
    add(
        "--policy",
        type=_policy,
        action="append",
        default=[],
        metavar="KEY=FILE.json",
        help="repeatable; the RAM policy of a key, which may do everything without one",
    )
    add("--index-latency", type=float, default=0.1, metavar="SECONDS", help="until a log can be searched")
    add("--until-unused", action="store_true", help="end when the last holder of /_local/hold has gone")
    _add_fleet(parser)
    return parser


def _add_fleet(parser: _Parser) -> None:
    add = parser.add_argument
    add("--fleet", type=int, default=0, metavar="N", help="let a fleet of N instances tell its events")
    add(
        "--fleet-speed",
        type=float,
        default=1.0,
        metavar="F",
        help="how much faster than life any fleet lives",
    )
    add("--fleet-queue", default="ecs-events", metavar="QUEUE", help="where its events go")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def _policy(text: str) -> tuple[str, Policy]:
    key_id, equals, path = text.partition("=")
    if not (key_id and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=FILE.json")
    try:
        return key_id, load_policy(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from error


def _account(text: str) -> AccessKey:
    try:
        return parse_account(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
