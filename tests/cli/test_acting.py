"""What of the settings reaches the guards and the cloud."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sink.cli.acting import account_of, build_cloud, build_modules, pace_of
from sink.cli.reaching import Cloud, reach_cloud
from sink.cli.settings import read_settings
from sink.config import Settings
from sink.telemetry import Journal
from tests.faults import requests

REAL = """
[sink]
region = cn-beijing
[mns]
endpoint = https://{host}
[sls]
endpoint = https://cn-beijing.log.aliyuncs.com
[actions]
enabled = restart, slb_removal
"""
LOCAL = "[actions]\nenabled = restart\n[local]\nenabled = yes\nfleet_speed = 30\n"
ACCOUNT_HOST = "1234567890123456.mns.cn-beijing.aliyuncs.com"


def settings(folder: Path, text: str = REAL.format(host=ACCOUNT_HOST)) -> Settings:
    (folder / "config.ini").write_text(text, encoding="utf-8")
    return read_settings(folder / "config.ini", {})


@pytest.mark.parametrize(
    ("host", "account"),
    [
        (ACCOUNT_HOST, "1234567890123456"),
        ("1234567890123456.mns.cn-beijing-internal.aliyuncs.com", "1234567890123456"),
        ("mns.example.com", ""),
    ],
)
def test_the_account_is_the_one_that_the_endpoint_names(tmp_path: Path, host: str, account: str) -> None:
    """Where it names none, none is demanded."""
    assert account_of(settings(tmp_path, REAL.format(host=host))) == account


def test_the_account_that_is_set_goes_first(tmp_path: Path) -> None:
    """An endpoint may be a proxy's."""
    text = REAL.format(host=ACCOUNT_HOST) + "[guard]\naccount = 99\n"

    assert account_of(settings(tmp_path, text)) == "99"


def test_the_region_of_the_sink_is_the_one_that_is_acted_in(tmp_path: Path) -> None:
    """Unless others are named, which replace it."""
    others = REAL.format(host=ACCOUNT_HOST) + "[guard]\nregions = cn-shanghai, cn-hongkong\n"

    (first, *_), (second, *_) = build_modules(settings(tmp_path)), build_modules(settings(tmp_path, others))

    assert first.guard.regions == {"cn-beijing"}
    assert second.guard.regions == {"cn-shanghai", "cn-hongkong"}


def test_each_action_has_its_own_mode_limits_and_options(tmp_path: Path) -> None:
    """Those of [guard] and [actions] where its section says nothing."""
    text = REAL.format(host=ACCOUNT_HOST) + (
        "[guard]\nmax_actions = 5\n[action.restart]\nmode = shadow\nmax_actions = 2\nmax_attempts = 9\n"
    )

    restart, removal = build_modules(settings(tmp_path, text))

    assert restart.mode == "shadow"
    assert restart.guard.limits.max_actions == 2
    assert restart.action.options.model_dump()["max_attempts"] == 9
    assert (removal.mode, removal.guard.limits.max_actions) == ("live", 5)


def test_only_the_products_that_are_named_are_looked_into(tmp_path: Path) -> None:
    """A region may not have them all."""
    some = settings(tmp_path, LOCAL.replace("[local]", "products = clb\n[local]"))

    async def refresh(cloud: Cloud) -> None:
        async with build_cloud(some, cloud, Journal()) as doors:
            await doors.refresh()

    with reach_cloud(some) as cloud:
        asyncio.run(refresh(cloud))
        asked = {(one["service"], one["operation"]) for one in requests(cloud.mns)}

    assert ("slb", "DescribeLoadBalancers") in asked
    assert {service for service, _ in asked}.isdisjoint({"alb", "nlb"})


def test_only_the_embedded_cloud_lives_faster_than_life(tmp_path: Path) -> None:
    """As fast as its fleet."""
    assert pace_of(settings(tmp_path)) == 1.0
    assert pace_of(settings(tmp_path, LOCAL)) == 30.0
