"""Alerts are kept and switched on and off, on both of their paths."""

from __future__ import annotations

from typing import Any

import pytest
from aliyun.log import LogClient

from tests.local.sls.conftest import refusal

ALERT: dict[str, Any] = {
    "name": "too-many",
    "type": "Alert",
    "displayName": "太多",
    "configuration": {"queryList": [{"query": "* | select count(1) as c"}], "version": "2.0"},
    "schedule": {"type": "FixedRate", "interval": "1m"},
}


@pytest.fixture
def alert(client: LogClient, project: str) -> str:
    """A project with an alert."""
    client.create_alert(project, ALERT)
    return project


def test_an_alert_comes_back_as_it_was_put(client: LogClient, alert: str) -> None:
    """And begins enabled, which the vendor says twice."""
    shown = client.get_alert(alert, "too-many").get_entity()
    assert {key: shown[key] for key in ALERT} == ALERT
    assert (shown["state"], shown["status"]) == ("Enabled", "ENABLED")


def test_an_alert_can_be_switched(client: LogClient, alert: str) -> None:
    """Off and on again."""
    client.disable_alert(alert, "too-many")
    assert client.get_alert(alert, "too-many").get_entity()["status"] == "DISABLED"
    client.enable_alert(alert, "too-many")
    assert client.get_alert(alert, "too-many").get_entity()["status"] == "ENABLED"


def test_an_update_does_not_switch_an_alert_on(client: LogClient, alert: str) -> None:
    """The state stays unless it is given."""
    client.disable_alert(alert, "too-many")
    client.update_alert(alert, {**ALERT, "displayName": "更多"})
    shown = client.get_alert(alert, "too-many").get_entity()
    assert (shown["displayName"], shown["state"]) == ("更多", "Disabled")


def test_alerts_are_listed_as_results(client: LogClient, alert: str) -> None:
    """With count and total."""
    page = client.list_alert(alert)
    assert ([each["name"] for each in page.get_entities()], page.get_total()) == (["too-many"], 1)


def test_an_alert_that_exists_is_refused(client: LogClient, alert: str) -> None:
    """400 JobAlreadyExist, from which copy_alert of the SDK goes on."""
    assert refusal(lambda: client.create_alert(alert, ALERT)) == (400, "JobAlreadyExist")
    client.copy_alert(alert, "too-many", to_project=alert)


def test_an_alert_that_is_not_there_is_named(client: LogClient, alert: str) -> None:
    """404 JobNotExist, also to switch it."""
    client.delete_alert(alert, "too-many")
    assert refusal(lambda: client.get_alert(alert, "too-many")) == (404, "JobNotExist")
    assert refusal(lambda: client.enable_alert(alert, "too-many")) == (404, "JobNotExist")


def test_the_newer_path_shows_the_same_alert(client: LogClient, alert: str) -> None:
    """sls20201230 speaks of /alerts, where no type is given."""
    client._send("POST", alert, b'{"name": "newer", "configuration": {}}', "/alerts", {}, {})
    client._send("PUT", alert, None, "/alerts/too-many", {"action": "disable"}, {})
    listed, _ = client._send("GET", alert, None, "/alerts", {}, {})
    assert [(each["name"], each["status"]) for each in listed["results"]] == [
        ("newer", "ENABLED"),
        ("too-many", "DISABLED"),
    ]
    assert client.get_alert(alert, "newer").get_entity()["type"] == "Alert"


def test_other_jobs_are_refused_loudly(client: LogClient, project: str) -> None:
    """ETL, ingestion, scheduled SQL and the like are not emulated, and so there are none."""
    job = {**ALERT, "type": "ETL"}
    assert refusal(lambda: client.create_alert(project, job)) == (400, "ParameterInvalid")
    assert client.list_etls(project).get_total() == 0
