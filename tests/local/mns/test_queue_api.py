"""The life of a queue, by the official client."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mns.account import Account, AccountMeta
from mns.mns_client import MNSClient
from mns.mns_request import ListQueueRequest, ListQueueResponse
from mns.queue import Message, Queue, QueueMeta

from tests.local.conftest import STRANGER, RunningCloud
from tests.local.mns.conftest import Bare, refusal


def test_a_new_queue_has_an_address(account: Account, cloud: RunningCloud) -> None:
    """CreateQueue answers with the queue's URL, at the host that the client called."""
    assert account.get_queue("events").create(QueueMeta()) == f"{cloud.url}/queues/events"


def test_a_new_queue_has_the_documented_defaults(queue: Queue) -> None:
    """What is not given is the vendor's default."""
    meta = queue.get_attributes()
    shown = (
        meta.visibility_timeout,
        meta.maximum_message_size,
        meta.message_retention_period,
        meta.delay_seconds,
        meta.polling_wait_seconds,
        meta.logging_enabled,
    )
    assert shown == (30, 65_536, 345_600, 0, 0, False)


def test_the_same_queue_again_is_no_error(bare: Bare) -> None:
    """201 for a new queue, 204 for the same one."""
    body = b"<Queue><VisibilityTimeout>60</VisibilityTimeout></Queue>"
    assert [bare("PUT", "/queues/events", body).status for _ in range(2)] == [201, 204]


def test_a_different_queue_of_the_same_name_is_refused(queue: Queue) -> None:
    """409 QueueAlreadyExist; the queue stays as it was."""
    assert refusal(queue.create, QueueMeta(vis_timeout=99)) == "QueueAlreadyExist"
    assert queue.get_attributes().visibility_timeout == 30


def test_attributes_can_be_overridden(queue: Queue) -> None:
    """SetQueueAttributes changes what it names and leaves the rest."""
    queue.set_attributes(QueueMeta(vis_timeout=99, logging_enabled=True))
    meta = queue.get_attributes()
    assert (meta.visibility_timeout, meta.logging_enabled, meta.maximum_message_size) == (99, True, 65_536)


def test_overriding_attributes_of_no_queue_is_refused(account: Account) -> None:
    """QueueNotExist: SetQueueAttributes does not create."""
    assert refusal(account.get_queue("events").set_attributes, QueueMeta(vis_timeout=99)) == "QueueNotExist"


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("VisibilityTimeout", 1, 43_200),
        ("MaximumMessageSize", 1_024, 65_536),
        ("MessageRetentionPeriod", 60, 604_800),
        ("DelaySeconds", 0, 604_800),
        ("PollingWaitSeconds", 0, 30),
    ],
)
def test_attributes_have_limits(bare: Bare, name: str, low: int, high: int) -> None:
    """Both limits are good, one step further is InvalidArgument with the limits in its text."""
    for value in (low, high):
        bare("DELETE", "/queues/events")
        body = f"<Queue><{name}>{value}</{name}></Queue>".encode()
        assert bare("PUT", "/queues/events", body).status == 201
    for value in (low - 1, high + 1):
        answer = bare("PUT", "/queues/other", f"<Queue><{name}>{value}</{name}></Queue>".encode())
        assert (answer.status, answer.text("Code")) == (400, "InvalidArgument")
        assert f"The value of {name} should between {low} and {high}" in (answer.text("Message") or "")


@pytest.mark.parametrize("value", ["", "x", "1.5", "1" * 40, "٣"])
def test_attributes_are_numbers(bare: Bare, value: str) -> None:
    """Anything else is InvalidArgument, not a fault of ours."""
    body = f"<Queue><DelaySeconds>{value}</DelaySeconds></Queue>".encode()
    expected = 201 if value == "٣" else 400
    assert bare("PUT", "/queues/events", body).status == expected


@pytest.mark.parametrize("name", ["a", "0", "ecs-events", "x" * 120])
def test_names_take_letters_digits_and_hyphens(account: Account, name: str) -> None:
    """Up to 120 of them."""
    assert account.get_queue(name).create(QueueMeta()).endswith(f"/queues/{name}")


@pytest.mark.parametrize(
    ("name", "code"),
    [("-a", "InvalidQueueName"), ("a_b", "InvalidQueueName"), ("x" * 121, "QueueNameLengthError")],
)
def test_other_names_are_refused(account: Account, name: str, code: str) -> None:
    """InvalidQueueName for what they are made of, QueueNameLengthError for how long they are."""
    assert refusal(account.get_queue(name).create, QueueMeta()) == code


def test_a_deleted_queue_is_gone(queue: Queue) -> None:
    """Its messages, too: a new queue of the name is empty."""
    queue.send_message(Message("a body"))
    queue.delete()
    assert refusal(queue.get_attributes) == "QueueNotExist"
    queue.create(QueueMeta())
    assert refusal(queue.peek_message) == "MessageNotExist"


def test_deleting_no_queue_is_no_error(account: Account) -> None:
    """204, as on the real service."""
    account.get_queue("nowhere").delete()


def test_message_counts_tell_apart_who_waits(queue: Queue) -> None:
    """Active may be received, inactive are in a consumer's hand, delayed wait for their time."""
    for delay in (0, 0, 0, 60):
        queue.send_message(Message("a body", delay))
    queue.receive_message()
    meta = queue.get_attributes()
    assert (meta.active_messages, meta.inactive_messages, meta.delay_messages) == (2, 1, 1)


def names(listed: tuple[list[str], str]) -> tuple[list[str], str]:
    urls, marker = listed
    return [url.rpartition("/")[2] for url in urls], marker


def test_queues_are_listed_by_prefix(account: Account) -> None:
    """Sorted by name; no marker when all are told."""
    for name in ("b2", "b1", "a"):
        account.get_queue(name).create(QueueMeta())
    assert names(account.list_queue("b")) == (["b1", "b2"], "")


def test_a_long_list_comes_in_pages(account: Account) -> None:
    """The marker leads to the next page, which begins where the last one ended."""
    for number in range(3):
        account.get_queue(f"q{number}").create(QueueMeta())
    first, marker = names(account.list_queue(ret_number=2))
    assert (first, names(account.list_queue(ret_number=2, marker=marker))) == (["q0", "q1"], (["q2"], ""))


def test_a_list_can_show_attributes(account: Account, queue: Queue) -> None:
    """`x-mns-with-meta`, which the SDK's Account hides and its client offers."""
    client: MNSClient = account.get_client()
    answer = ListQueueResponse()
    client.list_queue(ListQueueRequest(with_meta=True), answer)
    assert [meta["VisibilityTimeout"] for meta in answer.queuemeta_list] == ["30"]


def test_accounts_do_not_see_each_other(
    cloud: RunningCloud, queue: Queue, mns_account: Callable[..., Account]
) -> None:
    """Each account has its own queue `events`."""
    stranger = mns_account(cloud.url, STRANGER)
    assert stranger.list_queue() == ([], "")
    assert refusal(stranger.get_queue("events").get_attributes) == "QueueNotExist"


def test_the_account_keeps_its_logging_bucket(account: Account) -> None:
    """SetAccountAttributes and GetAccountAttributes."""
    account.set_attributes(AccountMeta("bucket"))
    assert account.get_attributes().logging_bucket == "bucket"


def test_the_service_is_open(account: Account) -> None:
    """OpenService succeeds and changes nothing."""
    account.open_service()
