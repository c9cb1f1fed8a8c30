"""Topics and what their subscribers get, by the official client."""

from __future__ import annotations

import hashlib
import json
from xml.etree import ElementTree

import pytest
from mns.account import Account
from mns.queue import Queue
from mns.subscription import SubscriptionMeta
from mns.topic import Topic, TopicMessage, TopicMeta

from sink.local.accounts import DEFAULT_ACCOUNT_ID
from tests.local.conftest import RunningCloud
from tests.local.mns.conftest import NAMESPACE, refusal

ENDPOINT = f"acs:mns:cn-hangzhou:{DEFAULT_ACCOUNT_ID}:queues/events"


@pytest.fixture
def topic(account: Account) -> Topic:
    topic = account.get_topic("news")
    topic.create(TopicMeta())
    return topic


def subscribe(topic: Topic, name: str = "sub", endpoint: str = ENDPOINT, **options: str) -> str:
    url: str = topic.get_subscription(name).subscribe(SubscriptionMeta(endpoint, **options))
    return url


def test_a_new_topic_has_an_address(account: Account, cloud: RunningCloud) -> None:
    """CreateTopic answers with the topic's URL, and again if the topic is there already."""
    urls = [account.get_topic("news").create(TopicMeta()) for _ in range(2)]
    assert urls == [f"{cloud.url}/topics/news"] * 2


def test_a_different_topic_of_the_same_name_is_refused(topic: Topic) -> None:
    """409 TopicAlreadyExist."""
    assert refusal(topic.create, TopicMeta(1024)) == "TopicAlreadyExist"


def test_topic_attributes_can_be_overridden(topic: Topic) -> None:
    """SetTopicAttributes changes what it names."""
    topic.set_attributes(TopicMeta(2048))
    meta = topic.get_attributes()
    assert (meta.topic_name, meta.maximum_message_size, meta.logging_enabled) == ("news", 2048, False)


def test_topics_are_listed(account: Account, topic: Topic, cloud: RunningCloud) -> None:
    """By prefix, like queues."""
    assert account.list_topic("ne")[0] == [f"{cloud.url}/topics/news"]
    assert account.list_topic("x")[0] == []


def test_a_deleted_topic_is_gone(topic: Topic, queue: Queue) -> None:
    """With its subscriptions: a new topic of the name has none."""
    subscribe(topic)
    topic.delete()
    assert refusal(topic.get_attributes) == "TopicNotExist"
    topic.create(TopicMeta())
    assert topic.list_subscription()[0] == []


def test_a_subscription_has_an_address(topic: Topic, cloud: RunningCloud) -> None:
    """Subscribe answers with it; the same again is no error, another is."""
    assert subscribe(topic) == f"{cloud.url}/topics/news/subscriptions/sub"
    assert subscribe(topic) == f"{cloud.url}/topics/news/subscriptions/sub"
    other = SubscriptionMeta(ENDPOINT, notify_content_format="JSON")
    assert refusal(topic.get_subscription("sub").subscribe, other) == "SubscriptionAlreadyExist"


def test_a_subscription_shows_its_attributes(topic: Topic) -> None:
    """With the vendor's defaults for what was not given."""
    subscribe(topic, filter_tag="red")
    meta = topic.get_subscription("sub").get_attributes()
    shown = (
        meta.endpoint,
        meta.filter_tag,
        meta.notify_strategy,
        meta.notify_content_format,
        meta.topic_owner,
    )
    assert shown == (ENDPOINT, "red", "BACKOFF_RETRY", "XML", DEFAULT_ACCOUNT_ID)


def test_the_strategy_can_be_changed(topic: Topic) -> None:
    """SetSubscriptionAttributes."""
    subscribe(topic)
    subscription = topic.get_subscription("sub")
    subscription.set_attributes(SubscriptionMeta(notify_strategy="EXPONENTIAL_DECAY_RETRY"))
    assert subscription.get_attributes().notify_strategy == "EXPONENTIAL_DECAY_RETRY"


def test_subscriptions_are_listed_and_ended(topic: Topic, cloud: RunningCloud) -> None:
    """ListSubscriptionByTopic, Unsubscribe."""
    subscribe(topic)
    assert topic.list_subscription()[0] == [f"{cloud.url}/topics/news/subscriptions/sub"]
    topic.get_subscription("sub").unsubscribe()
    assert topic.list_subscription()[0] == []
    assert refusal(topic.get_subscription("sub").get_attributes) == "SubscriptionNotExist"


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": "http://example.com/hook"},
        {"endpoint": "mail:directmail:someone"},
        {"notify_strategy": "NEVER"},
        {"notify_content_format": "YAML"},
    ],
)
def test_a_faulty_subscription_is_refused(topic: Topic, options: dict[str, str]) -> None:
    """InvalidArgument, also for endpoints that are good on the real service but cannot be served here."""
    meta = SubscriptionMeta(**{"endpoint": ENDPOINT, **options})
    assert refusal(topic.get_subscription("sub").subscribe, meta) == "InvalidArgument"


def test_a_subscription_needs_a_topic(account: Account) -> None:
    """TopicNotExist."""
    subscription = account.get_subscription("nowhere", "sub")
    assert refusal(subscription.subscribe, SubscriptionMeta(ENDPOINT)) == "TopicNotExist"


def test_simplified_is_the_body_alone(topic: Topic, queue: Queue) -> None:
    """What was published, nothing else."""
    subscribe(topic, notify_content_format="SIMPLIFIED")
    topic.publish_message(TopicMessage("an event"))
    assert queue.receive_message().message_body == "an event"


def test_json_wraps_the_body(topic: Topic, queue: Queue) -> None:
    """An object whose values are all text; the MD5 is the message's, not the envelope's."""
    subscribe(topic, notify_content_format="JSON")
    sent = topic.publish_message(TopicMessage('{"a": "ü"}', "red"))
    message = json.loads(queue.receive_message().message_body)
    assert message.pop("PublishTime").isdigit()
    assert message == {
        "TopicOwner": DEFAULT_ACCOUNT_ID,
        "TopicName": "news",
        "Subscriber": DEFAULT_ACCOUNT_ID,
        "SubscriptionName": "sub",
        "MessageId": sent.message_id,
        "Message": '{"a": "ü"}',
        "MessageMD5": hashlib.md5('{"a": "ü"}'.encode()).hexdigest().upper(),
        "MessageTag": "red",
    }


def test_xml_is_the_default(topic: Topic, queue: Queue) -> None:
    """A `<Notification>` document with the same content."""
    subscribe(topic)
    sent = topic.publish_message(TopicMessage("a < b"))
    notification = ElementTree.fromstring(queue.receive_message().message_body)
    assert notification.tag == f"{NAMESPACE}Notification"
    assert notification.findtext(f"{NAMESPACE}Message") == "a < b"
    assert notification.findtext(f"{NAMESPACE}MessageMD5") == sent.message_body_md5


def test_a_filter_takes_its_own_tag_only(topic: Topic, queue: Queue) -> None:
    """No filter takes everything, tagged or not."""
    subscribe(topic, "red", filter_tag="red", notify_content_format="SIMPLIFIED")
    for body, tag in (("a", "red"), ("b", "blue"), ("c", "")):
        topic.publish_message(TopicMessage(body, tag))
    assert [message.message_body for message in queue.batch_receive_message(16)] == ["a"]
    subscribe(topic, "all", notify_content_format="SIMPLIFIED")
    topic.publish_message(TopicMessage("d", "blue"))
    assert [message.message_body for message in queue.batch_receive_message(16)] == ["d"]


def test_a_missing_queue_does_not_fail_the_publisher(topic: Topic, queue: Queue) -> None:
    """The other subscribers get the message all the same."""
    nowhere = ENDPOINT.replace("events", "nowhere")
    subscribe(topic, "a", nowhere)
    subscribe(topic, "b", notify_content_format="SIMPLIFIED")
    topic.publish_message(TopicMessage("an event"))
    assert queue.receive_message().message_body == "an event"


def test_the_topic_limits_what_is_published(topic: Topic) -> None:
    """MaximumMessageSize, in bytes."""
    topic.set_attributes(TopicMeta(1024))
    topic.publish_message(TopicMessage("x" * 1024))
    assert refusal(topic.publish_message, TopicMessage("x" * 1025)) == "InvalidArgument"
