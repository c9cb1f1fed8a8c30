"""Dashboards and saved searches are kept as they come."""

from __future__ import annotations

from typing import Any

import pytest
from aliyun.log import LogClient

from tests.local.sls.conftest import refusal

BOARD: dict[str, Any] = {
    "dashboardName": "board",
    "displayName": "看板",
    "charts": [{"title": "a", "search": {"query": "* | select 1"}, "display": {"xPos": 0}}],
}
SEARCH = {
    "savedsearchName": "stopped",
    "searchQuery": "state: Stopped",
    "logstore": "events",
    "displayName": "停",
}


def test_a_dashboard_comes_back_as_it_was_put(client: LogClient, project: str) -> None:
    """Whatever fields it has."""
    client.create_dashboard(project, BOARD)
    assert client.get_dashboard(project, "board").get_entity() == BOARD


def test_a_dashboard_can_be_replaced(client: LogClient, project: str) -> None:
    """UpdateDashboard."""
    client.create_dashboard(project, BOARD)
    client.update_dashboard(project, {**BOARD, "charts": []})
    assert client.get_dashboard(project, "board").get_entity()["charts"] == []


def test_dashboards_are_listed_twice(client: LogClient, project: str) -> None:
    """Names for Python's client, items for the newer ones, and the counts of both."""
    client.create_dashboard(project, BOARD)
    client.create_dashboard(project, {**BOARD, "dashboardName": "other"})
    page = client.list_dashboard(project, offset=0, size=1)
    assert (page.get_entities(), page.get_count(), page.get_total()) == (["board"], 1, 2)
    assert page.get_body()["dashboardItems"][0]["displayName"] == "看板"


def test_a_dashboard_that_exists_is_refused(client: LogClient, project: str) -> None:
    """ParameterInvalid, oddly, with a text that copy_dashboard of the SDK looks for."""
    client.create_dashboard(project, BOARD)
    assert refusal(lambda: client.create_dashboard(project, BOARD)) == (400, "ParameterInvalid")
    client.copy_dashboard(project, "board", to_project=project)


def test_a_dashboard_that_is_not_there_is_named(client: LogClient, project: str) -> None:
    """404 DashboardNotExist, for every operation on one."""
    assert refusal(lambda: client.get_dashboard(project, "board")) == (404, "DashboardNotExist")
    assert refusal(lambda: client.update_dashboard(project, BOARD)) == (404, "DashboardNotExist")
    assert refusal(lambda: client.delete_dashboard(project, "board")) == (404, "DashboardNotExist")


def test_a_faulty_dashboard_is_refused(client: LogClient, project: str) -> None:
    """A name of one letter, or two charts of the same title."""
    twice = {**BOARD, "charts": [{"title": "a"}, {"title": "a"}]}
    assert refusal(lambda: client.create_dashboard(project, twice)) == (400, "PostBodyInvalid")
    short = {**BOARD, "dashboardName": "b"}
    assert refusal(lambda: client.create_dashboard(project, short)) == (400, "InvalidDashboardName")


def test_a_saved_search_comes_back_as_it_was_put(client: LogClient, project: str) -> None:
    """With no field more or less."""
    client.create_savedsearch(project, SEARCH)
    assert client.get_savedsearch(project, "stopped").get_entity() == SEARCH
    assert client.list_savedsearch(project).get_entities() == ["stopped"]


def test_a_deleted_saved_search_is_gone(client: LogClient, project: str) -> None:
    """404 SavedSearchNotExist."""
    client.create_savedsearch(project, SEARCH)
    client.delete_savedsearch(project, "stopped")
    assert refusal(lambda: client.get_savedsearch(project, "stopped")) == (404, "SavedSearchNotExist")


@pytest.mark.parametrize("kind", ["dashboard", "savedsearch"])
def test_a_name_cannot_be_changed(client: LogClient, project: str, kind: str) -> None:
    """The path says which document is meant, the body must agree."""
    field, body = {"dashboard": ("dashboardName", BOARD), "savedsearch": ("savedsearchName", SEARCH)}[kind]
    getattr(client, f"create_{kind}")(project, body)
    path = f"/{kind}{'s' if kind == 'dashboard' else 'es'}/{body[field]}"
    renamed = b'{"%s": "another"}' % field.encode()
    assert refusal(lambda: client._send("PUT", project, renamed, path, {}, {})) == (400, "ParameterInvalid")
