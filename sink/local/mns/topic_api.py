"""The operations on topics and subscriptions, between XML and `topics`.

Answers follow the pages "CreateTopic" to "ListSubscriptionByTopic". A published message is put into the
subscribers' queues before the publisher has its answer, and is not kept: MessageCount is always 0.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping
from xml.etree.ElementTree import Element

from sink.local.mns import xml
from sink.local.mns.attributes import TOPIC_DEFAULTS, read_attributes
from sink.local.mns.calls import Call, Handler, document_response, list_response, location_response
from sink.local.mns.delivery import Delivery
from sink.local.mns.errors import MnsError, schema_violation
from sink.local.mns.message_xml import read_body
from sink.local.mns.resources import Resource, Resources
from sink.local.mns.topics import Published, check_tag, envelope, queue_of, read_subscription, wants
from sink.local.wire import Clock, Response

RETENTION_SECONDS = 86_400


class TopicApi:
    """Answers for the operations that concern topics."""

    def __init__(self, topics: Resources, subscriptions: Resources, delivery: Delivery, clock: Clock) -> None:
        self._topics = topics
        self._subscriptions = subscriptions
        self._delivery = delivery
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The operations by the vendor's names."""
        return {
            "CreateTopic": self.create_topic,
            "SetTopicAttributes": self.set_topic_attributes,
            "GetTopicAttributes": self.get_topic_attributes,
            "ListTopic": self.list_topic,
            "DeleteTopic": self.delete_topic,
            "PublishMessage": self.publish_message,
            "Subscribe": self.subscribe,
            "SetSubscriptionAttributes": self.set_subscription_attributes,
            "GetSubscriptionAttributes": self.get_subscription_attributes,
            "ListSubscriptionByTopic": self.list_subscription_by_topic,
            "Unsubscribe": self.unsubscribe,
        }

    async def create_topic(self, call: Call) -> Response:
        """201 for a new topic, 204 for one that is there with the same attributes, else 409."""
        attributes = read_attributes(TOPIC_DEFAULTS, call.optional_values("Topic"))
        created = self._topics.create(call.account_id, call.names[0], attributes)
        return location_response(created, call.url("topics", call.names[0]))

    async def set_topic_attributes(self, call: Call) -> Response:
        """204."""
        self._topics.update(self._topic(call), read_attributes(TOPIC_DEFAULTS, call.optional_values("Topic")))
        return Response(204)

    async def get_topic_attributes(self, call: Call) -> Response:
        """200."""
        return document_response(200, "Topic", xml.elements(_topic_meta(self._topic(call))))

    async def list_topic(self, call: Call) -> Response:
        """200 with the addresses, and with all attributes if `x-mns-with-meta` asks for them."""
        found = self._topics.find(call.account_id, call.prefix)

        def content(topic: Resource) -> str:
            url = {"TopicURL": call.url("topics", topic.name)}
            return xml.elements({**url, **_topic_meta(topic)} if call.with_meta else url)

        return list_response(call, "Topic", found, content)

    async def delete_topic(self, call: Call) -> Response:
        """204, whether the topic was there or not. Its subscriptions go with it."""
        for topic in self._topics.named(call.account_id, call.names[0]):
            for subscription in self._subscriptions.find(_path(topic)):
                self._subscriptions.delete(subscription)
            self._topics.delete(topic)
        return Response(204)

    async def publish_message(self, call: Call) -> Response:
        """201 with number and MD5, once each subscribed queue has the message."""
        published = self._read(self._topic(call), call.document("Message"))
        for subscription in self._subscriptions.find(_path(published.topic)):
            if wants(subscription, published):
                self._deliver(subscription, published)
        values = {"MessageId": published.message_id, "MessageBodyMD5": published.body_md5}
        return document_response(201, "Message", xml.elements(values))

    async def subscribe(self, call: Call) -> Response:
        """201 for a new subscription, 204 for one that is there with the same attributes, else 409."""
        topic, attributes = self._topic(call), read_subscription(call.optional_values("Subscription"))
        if "Endpoint" not in attributes:
            raise schema_violation("the element Endpoint, which is missing")
        created = self._subscriptions.create(_path(topic), call.names[1], attributes)
        url = call.url("topics", topic.name, "subscriptions", call.names[1])
        return location_response(created, url)

    async def set_subscription_attributes(self, call: Call) -> Response:
        """204. Only NotifyStrategy can be changed; MNS ignores the rest."""
        attributes = read_subscription(call.optional_values("Subscription"))
        changed = {name: attributes[name] for name in ("NotifyStrategy",) if name in attributes}
        self._subscriptions.update(self._subscription(call), changed)
        return Response(204)

    async def get_subscription_attributes(self, call: Call) -> Response:
        """200."""
        content = xml.elements(_subscription_meta(self._topic(call), self._subscription(call)))
        return document_response(200, "Subscription", content)

    async def list_subscription_by_topic(self, call: Call) -> Response:
        """200 with the addresses."""
        topic = self._topic(call)
        found = self._subscriptions.find(_path(topic), call.prefix)

        def content(subscription: Resource) -> str:
            url = call.url("topics", topic.name, "subscriptions", subscription.name)
            return xml.elements({"SubscriptionURL": url})

        return list_response(call, "Subscription", found, content)

    async def unsubscribe(self, call: Call) -> Response:
        """204, whether the subscription was there or not."""
        for subscription in self._subscriptions.named(_path(self._topic(call)), call.names[1]):
            self._subscriptions.delete(subscription)
        return Response(204)

    def _topic(self, call: Call) -> Resource:
        return self._topics.get(call.account_id, call.names[0])

    def _subscription(self, call: Call) -> Resource:
        return self._subscriptions.get(_path(self._topic(call)), call.names[1])

    def _read(self, topic: Resource, message: Element) -> Published:
        values = xml.values(message)
        body, tag = read_body(values, topic), values.get("MessageTag", "")
        check_tag("MessageTag", tag)
        md5 = hashlib.md5(body.encode()).hexdigest().upper()
        return Published(topic, secrets.token_hex(16).upper(), body, md5, tag, int(self._clock() * 1000))

    def _deliver(self, subscription: Resource, published: Published) -> None:
        try:
            account_id, queue = queue_of(subscription.attributes["Endpoint"])
            self._delivery.send(account_id, queue, envelope(subscription, published))
        except MnsError as error:
            # The real service tries for a while and then drops it; the publisher never learns of it.
            logging.getLogger(__name__).warning("%s not notified: %s", subscription.name, error)


def _path(topic: Resource) -> str:
    return f"{topic.owner}/{topic.name}"


def _topic_meta(topic: Resource) -> dict[str, object]:
    return {
        "TopicName": topic.name,
        "CreateTime": topic.created_at,
        "LastModifyTime": topic.modified_at,
        **topic.attributes,
        "MessageRetentionPeriod": RETENTION_SECONDS,
        "MessageCount": 0,
    }


def _subscription_meta(topic: Resource, subscription: Resource) -> dict[str, object]:
    attributes = {name: value for name, value in subscription.attributes.items() if value}
    return {
        "SubscriptionName": subscription.name,
        "Subscriber": topic.owner,
        "TopicOwner": topic.owner,
        "TopicName": topic.name,
        "CreateTime": subscription.created_at,
        "LastModifyTime": subscription.modified_at,
        **attributes,
    }
