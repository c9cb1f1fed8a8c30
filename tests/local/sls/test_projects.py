"""The life of a project."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aliyun.log import LogClient

from sink.local.accounts import DEFAULT_ACCOUNT_ID
from tests.local.conftest import STRANGER, RunningCloud
from tests.local.sls.conftest import Store, refusal


def test_a_project_is_shown_as_it_was_created(client: LogClient, project: str) -> None:
    """Everything that the SDK insists on is there."""
    shown = client.get_project(project)
    assert (shown.get_status(), shown.get_description()) == ("Normal", "a project")
    assert shown.get_owner() == DEFAULT_ACCOUNT_ID


def test_a_description_can_be_changed(client: LogClient, project: str) -> None:
    """UpdateProject."""
    client.update_project(project, "另一个")
    assert client.get_project(project).get_description() == "另一个"


def test_a_deleted_project_is_gone(client: LogClient, project: str) -> None:
    """404 ProjectNotExist, for what was in it too."""
    client.delete_project(project)
    assert refusal(lambda: client.get_project(project)) == (404, "ProjectNotExist")
    assert refusal(lambda: client.list_logstore(project)) == (404, "ProjectNotExist")


def test_a_name_is_taken_once(client: LogClient, project: str) -> None:
    """400 ProjectAlreadyExist."""
    assert refusal(lambda: client.create_project(project, "")) == (400, "ProjectAlreadyExist")


def test_a_name_is_taken_for_all_accounts(
    sls: RunningCloud, log_client: Callable[..., LogClient], project: str
) -> None:
    """A stranger cannot create it either."""
    stranger = log_client(sls.url, STRANGER)
    assert refusal(lambda: stranger.create_project(project, "")) == (400, "ProjectAlreadyExist")


def test_a_list_holds_the_account_s_projects_only(
    sls: RunningCloud, log_client: Callable[..., LogClient], client: LogClient, project: str
) -> None:
    """ListProject of the owner has it, the stranger's has not."""
    assert project in [each["projectName"] for each in client.list_project(size=-1).get_projects()]
    assert log_client(sls.url, STRANGER).list_project().get_projects() == []


def test_a_list_comes_in_pages(client: LogClient, project: str) -> None:
    """count is of the page, total of all, filtered by a part of the name."""
    for number in range(3):
        client.create_project(f"{project}-{number}", "")
    found = client.list_project(offset=1, size=2, project_name_pattern=project)
    assert (found.get_count(), found.get_total()) == (2, 4)


@pytest.mark.parametrize("name", ["ab", "Capital", "under_score"])
def test_a_bad_name_is_refused(client: LogClient, name: str) -> None:
    """ParameterInvalid."""
    assert refusal(lambda: client.create_project(name, "")) == (400, "ParameterInvalid")


def test_a_project_takes_its_logstores_along(client: LogClient, store: Store) -> None:
    """A new project of the same name is empty."""
    client.delete_project(store.project)
    client.create_project(store.project, "")
    assert client.list_logstore(store.project).get_logstores() == []
