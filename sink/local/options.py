"""The options of `sink local`, read and turned into a `Cloud`.

`server.main` calls both. argparse rather than typer, because `embedded.attach` starts this process and
waits for it: every tenth of a second of import counts.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NoReturn

from sink.local.accounts import DEFAULT_ACCOUNT_ID, AccessKey, Accounts, parse_account
from sink.local.app import Cloud
from sink.local.fleets import FleetPlan


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line. Exits with 64 and a text on stderr if it is faulty."""
    parser = _Parser(
        prog="sink local", description="Alibaba Cloud, embedded: MNS, SLS, ECS and its balancers on loopback."
    )
    add = parser.add_argument
    form = "ACCOUNT:KEY:SECRET[:TOKEN]"
    add("--port", type=int, default=0, help="on 127.0.0.1; 0, the default, takes a free one")
    add("--data", type=Path, default=Path("local-data"), help="folder that holds all state")
    add(
        "--account",
        type=_account,
        action="append",
        metavar=form,
        help="repeatable; default local:local-secret",
    )
    add("--index-latency", type=float, default=0.1, metavar="SECONDS", help="until a log can be searched")
    add("--until-unused", action="store_true", help="end when the last holder of /_local/hold has gone")
    add("--fleet", type=int, default=0, metavar="N", help="let a fleet of N instances tell its events")
    add(
        "--fleet-speed",
        type=float,
        default=1.0,
        metavar="F",
        help="how much faster than life any fleet lives",
    )
    add("--fleet-queue", default="ecs-events", metavar="QUEUE", help="where its events go")
    return parser.parse_args(arguments)


def build_cloud(options: argparse.Namespace) -> Cloud:
    """The cloud that the options describe. The fleet belongs to the first account."""
    accounts, owner = Accounts.default(), DEFAULT_ACCOUNT_ID
    if options.account:
        accounts, owner = Accounts(options.account), options.account[0].account_id
    fleet = FleetPlan(options.fleet, options.fleet_speed, options.fleet_queue, Random(), owner)
    return Cloud(options.data, accounts, index_latency_seconds=options.index_latency, fleet=fleet)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def _account(text: str) -> AccessKey:
    try:
        return parse_account(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
