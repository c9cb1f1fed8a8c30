"""What a topic sends to its subscribers: which of them, and in which envelope. No HTTP here.

`TopicApi` calls this. The three NotifyContentFormats are those of document 27482; a consumer behind a
subscription has to cope with each. Only queues can subscribe: pushing to HTTP addresses, mail and phones
would leave this machine, so such endpoints are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sink.local.mns import xml
from sink.local.mns.errors import invalid_argument
from sink.local.mns.resources import Resource

SUBSCRIPTION_DEFAULTS: Mapping[str, str] = {
    "FilterTag": "",
    "NotifyStrategy": "BACKOFF_RETRY",
    "NotifyContentFormat": "XML",
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "NotifyStrategy": ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"),
    "NotifyContentFormat": ("XML", "JSON", "SIMPLIFIED"),
}
MAXIMUM_TAG_LENGTH = 16
QUEUE_ENDPOINT = re.compile(r"acs:mns:[^:]*:(?P<account_id>\d+):queues/(?P<queue>[^/]+)")


@dataclass(frozen=True, slots=True)
class Published:
    """One message of a topic. `at_ms` is in milliseconds since the epoch."""

    topic: Resource
    message_id: str
    body: str
    body_md5: str
    tag: str
    at_ms: int


def read_subscription(values: Mapping[str, str]) -> dict[str, str]:
    """Check the attributes of a subscription. Raises InvalidArgument."""
    names = ("Endpoint", "FilterTag", "NotifyStrategy", "NotifyContentFormat")
    read = {name: values[name].strip() for name in names if values.get(name)}
    for name, choices in CHOICES.items():
        if read.get(name, choices[0]) not in choices:
            raise invalid_argument(f"The value of {name} should be one of {', '.join(choices)}.")
    check_tag("FilterTag", read.get("FilterTag", ""))
    if "Endpoint" in read:
        queue_of(read["Endpoint"])
    return read


def check_tag(name: str, tag: str) -> None:
    """Raise InvalidArgument for a tag that is too long."""
    if len(tag) > MAXIMUM_TAG_LENGTH:
        raise invalid_argument(f"The length of {name} should between 1 and {MAXIMUM_TAG_LENGTH}.")


def queue_of(endpoint: str) -> tuple[str, str]:
    """Read account and queue out of `acs:mns:{region}:{account}:queues/{name}`. Raises InvalidArgument."""
    match = QUEUE_ENDPOINT.fullmatch(endpoint)
    if match is None:
        text = f"The value of Endpoint is invalid: {endpoint}. Only queues can subscribe in this emulator: "
        raise invalid_argument(text + "acs:mns:REGION:ACCOUNT:queues/NAME.")
    return match["account_id"], match["queue"]


def wants(subscription: Resource, published: Published) -> bool:
    """Tell whether the filter lets the message through; a subscription without one gets all."""
    return subscription.attributes["FilterTag"] in ("", published.tag)


def envelope(subscription: Resource, published: Published) -> str:
    """The body that arrives in the subscriber's queue."""
    content_format = subscription.attributes["NotifyContentFormat"]
    if content_format == "SIMPLIFIED":
        return published.body
    notification = _notification(subscription, published)
    if content_format == "JSON":
        return json.dumps(notification, ensure_ascii=False, separators=(",", ":"))
    return xml.document("Notification", xml.elements(notification)).decode()


def _notification(subscription: Resource, published: Published) -> dict[str, str]:
    return {
        "TopicOwner": published.topic.owner,
        "TopicName": published.topic.name,
        "Subscriber": published.topic.owner,
        "SubscriptionName": subscription.name,
        "MessageId": published.message_id,
        "Message": published.body,
        "MessageMD5": published.body_md5,
        "MessageTag": published.tag,
        "PublishTime": str(published.at_ms),
    }
