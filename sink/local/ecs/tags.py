"""Tags of instances: TagResources and its siblings, and AddTags and RemoveTags, which they replaced.

The calls differ in how they spell what they name: `ResourceId.1` and `TagKey.1` now, one `ResourceId` and
`Tag.1.Key` then. A key that is there is overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sink.local.ecs.orders import find
from sink.local.fleet.instances import Instance
from sink.local.pop.call import Call, Document
from sink.local.pop.errors import PopError, invalid_parameter, missing_parameter

MOST_TAGS = 20
MOST_RESOURCES = 50


def named(call: Call) -> list[str]:
    """What a change of tags concerns, for RAM."""
    return [f"instance/{one}" for one in call.listed("ResourceId") or [call.text("ResourceId", "*")]]


def given_tags(call: Call) -> dict[str, str]:
    """The tags of `Tag.1.Key` and `Tag.1.Value`. Raises PopError InvalidTagKey.Malformed."""
    tags = {one.get("Key", ""): one.get("Value", "") for one in call.structures("Tag")}
    for key in tags:
        if not key or len(key) > 128 or key.lower().startswith(("aliyun", "acs:", "http://", "https://")):
            raise PopError(400, "InvalidTagKey.Malformed", "The specified Tag.n.Key is not valid.")
    if len(tags) > MOST_TAGS:
        raise PopError(400, "InvalidParameter.TagKey", f"More than {MOST_TAGS} tags are given.")
    return tags


def tag_resources(call: Call) -> Document:
    """TagResources."""
    tags = given_tags(call)
    if not tags:
        raise missing_parameter("Tag.1.Key")
    for instance in _instances(call, call.listed("ResourceId")):
        _set_tags(call, instance, {**instance.tags, **tags})
    return {}


def add_tags(call: Call) -> Document:
    """AddTags."""
    instance = _instances(call, [call.required("ResourceId")])[0]
    _set_tags(call, instance, {**instance.tags, **given_tags(call)})
    return {}


def untag_resources(call: Call) -> Document:
    """UntagResources: the tags named, or with All=true every tag."""
    keys = call.listed("TagKey")
    for instance in _instances(call, call.listed("ResourceId")):
        gone = set(instance.tags) if call.flag("All") and not keys else set(keys)
        _set_tags(call, instance, {key: value for key, value in instance.tags.items() if key not in gone})
    return {}


def remove_tags(call: Call) -> Document:
    """RemoveTags."""
    instance = _instances(call, [call.required("ResourceId")])[0]
    gone = given_tags(call)
    _set_tags(call, instance, {key: value for key, value in instance.tags.items() if key not in gone})
    return {}


def list_tag_resources(call: Call) -> Document:
    """ListTagResources: by ids, by tags, or both."""
    _check_type(call)
    ids, tags = call.listed("ResourceId"), given_tags(call)
    if not ids and not tags:
        raise missing_parameter("ResourceId.1")
    found = [
        {"ResourceId": one.instance_id, "ResourceType": "instance", "TagKey": key, "TagValue": value}
        for one in call.scene.state.instances.values()
        if not ids or one.instance_id in ids
        for key, value in one.tags.items()
        if not tags or (key in tags and tags[key] in ("", value))
    ]
    shown, token = call.stretch(found, lambda one: f"{one['ResourceId']} {one['TagKey']}", default=50)
    return {"TagResources": {"TagResource": shown}, "NextToken": token}


def _instances(call: Call, ids: list[str]) -> list[Instance]:
    _check_type(call)
    if not ids:
        raise missing_parameter("ResourceId.1")
    if len(ids) > MOST_RESOURCES:
        raise invalid_parameter("ResourceId", f"{len(ids)} ids, where {MOST_RESOURCES} are allowed")
    return [_find(call, one) for one in ids]


def _find(call: Call, instance_id: str) -> Instance:
    try:
        return find(call.scene, instance_id)
    except PopError as error:
        text = "The specified ResourceIds are not found in our records."
        raise PopError(404, "InvalidResourceId.NotFound", text) from error


def _check_type(call: Call) -> None:
    if call.required("ResourceType").lower() != "instance":
        text = "The specified ResourceType is not emulated: only instance is."
        raise PopError(400, "InvalidResourceType.NotFound", text)


def _set_tags(call: Call, instance: Instance, tags: Mapping[str, str]) -> None:
    if len(tags) > MOST_TAGS:
        raise PopError(403, "TagsExceeded", f"An instance may have {MOST_TAGS} tags.")
    call.scene.state.keep(replace(instance, tags=dict(tags)))
