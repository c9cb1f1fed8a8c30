"""Tags are set, listed and taken away, by the new calls and the old."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.pop_client import Api, Stage, refused


@pytest.fixture
def instance_id(stage: Stage) -> str:
    return stage.instance(tags={"env": "prod", "app": "web"})


def on(instance_id: str, **tags: str) -> dict[str, Any]:
    """Parameters that name an instance and tags."""
    parameters = {"ResourceType": "instance", "ResourceId.1": instance_id}
    for number, (key, value) in enumerate(tags.items(), start=1):
        parameters |= {f"Tag.{number}.Key": key, f"Tag.{number}.Value": value}
    return parameters


def tags(ecs: Api, instance_id: str) -> dict[str, str]:
    listed = ecs("ListTagResources", on(instance_id))["TagResources"]["TagResource"]
    return {one["TagKey"]: one["TagValue"] for one in listed}


def test_a_tag_is_added_or_overwritten(ecs: Api, instance_id: str) -> None:
    """The others stay."""
    ecs("TagResources", on(instance_id, env="test", new="1"))
    assert tags(ecs, instance_id) == {"env": "test", "app": "web", "new": "1"}


def test_a_tag_is_taken_away_by_key(ecs: Api, instance_id: str) -> None:
    """One that is not there is passed over."""
    ecs("UntagResources", {**on(instance_id), "TagKey.1": "env", "TagKey.2": "none"})
    assert tags(ecs, instance_id) == {"app": "web"}


def test_all_tags_are_taken_away_by_all(ecs: Api, instance_id: str) -> None:
    """Without it and without keys, none is."""
    ecs("UntagResources", on(instance_id))
    before = tags(ecs, instance_id)
    ecs("UntagResources", on(instance_id), All=True)
    assert (len(before), tags(ecs, instance_id)) == (2, {})


def test_the_old_calls_do_the_same(ecs: Api, instance_id: str) -> None:
    """AddTags and RemoveTags name one ResourceId."""
    named = {"ResourceType": "instance", "ResourceId": instance_id}
    ecs("AddTags", {**named, "Tag.1.Key": "new", "Tag.1.Value": "1"})
    ecs("RemoveTags", {**named, "Tag.1.Key": "env"})
    assert tags(ecs, instance_id) == {"app": "web", "new": "1"}


def test_resources_are_found_by_tag(ecs: Api, stage: Stage, instance_id: str) -> None:
    """By key, or by key and value."""
    stage.instance(tags={"env": "test"})
    wanted = {"ResourceType": "instance", "Tag.1.Key": "env", "Tag.1.Value": "prod"}
    listed = ecs("ListTagResources", wanted)["TagResources"]["TagResource"]
    assert [one["ResourceId"] for one in listed] == [instance_id]


def test_a_resource_that_is_not_there_is_not_found(ecs: Api) -> None:
    """404 InvalidResourceId.NotFound."""
    with refused("InvalidResourceId.NotFound", 404):
        ecs("TagResources", on("i-none", a="b"))


def test_other_resource_types_are_refused(ecs: Api) -> None:
    """Only instances have tags here."""
    with refused("InvalidResourceType.NotFound", 400):
        ecs("ListTagResources", {"ResourceType": "disk", "ResourceId.1": "d-1"})


@pytest.mark.parametrize("key", ["aliyun:x", "acs:x", "k" * 129])
def test_keys_that_ecs_does_not_take_are_refused(ecs: Api, instance_id: str, key: str) -> None:
    """400 InvalidTagKey.Malformed."""
    with refused("InvalidTagKey.Malformed", 400):
        ecs("TagResources", on(instance_id, **{key: "v"}))
