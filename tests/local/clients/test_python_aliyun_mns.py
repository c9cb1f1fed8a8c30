"""MNS as aliyun-mns 1.1.5, the old name of the vendor's Python client, meets it.

What installs it today keeps working on the wire; this project itself uses its successor.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.clients.conftest import HERE, Client, Driver, Refused
from tests.local.clients.installed import python_with
from tests.local.conftest import RunningCloud

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture(scope="module")
def python() -> Iterator[Driver]:
    """The old client, in an environment of its own."""
    driver = Driver([str(python_with("aliyun-mns==1.1.5")), str(HERE / "driver.py")], {})
    yield driver
    driver.close()


@pytest.fixture
def queue(python: Driver, cloud: RunningCloud, request: pytest.FixtureRequest) -> Client:
    """A queue of the test's own."""
    name = f"q{abs(hash(request.node.name))}"
    options = {"url": cloud.url, "key": "local", "secret": "local-secret", "name": name}
    client = Client(python, "aliyun-mns", options)
    client("create", 45)
    return client


def test_every_attribute_it_needs_is_there(queue: Client) -> None:
    """It refuses an answer that lacks one."""
    assert queue("attributes")["visibility_timeout"] == 45


def test_its_usual_settings_make_a_queue_of_small_messages(queue: Client) -> None:
    """2 KB and a day: what this client asks for unless told otherwise, and so gets."""
    attributes = queue("attributes")
    assert (attributes["maximum_message_size"], attributes["message_retention_period"]) == (2048, 86_400)


def test_a_message_goes_in_and_comes_out(queue: Client) -> None:
    """Encoded and decoded by the client."""
    queue("send", "停止")
    assert queue("receive")["message_body"] == "停止"


def test_on_the_wire_its_bodies_are_base64(queue: Client) -> None:
    """As CloudMonitor's are."""
    queue("send", "Stopped")
    assert [one["message_body"] for one in queue("receive_raw", 16)] == ["U3RvcHBlZA=="]


def test_an_empty_queue_has_no_message(queue: Client) -> None:
    """MessageNotExist."""
    with pytest.raises(Refused) as refused:
        queue("receive")
    assert refused.value.details["code"] == "MessageNotExist"


def test_a_changed_visibility_voids_the_old_handle(queue: Client) -> None:
    """The new one deletes."""
    queue("send", "held")
    old = queue("receive")["receipt_handle"]
    new = queue("change_visibility", old, 60)["receipt_handle"]
    with pytest.raises(Refused) as refused:
        queue("delete", old)
    assert refused.value.details["code"] == "ReceiptHandleError"
    assert queue("delete", new) is None


def test_a_partly_failed_batch_delete_names_the_failures(queue: Client) -> None:
    """In `sub_errors`."""
    queue("send", "a", "b")
    first, second = (one["receipt_handle"] for one in queue("receive_raw", 16))
    queue("delete", first)
    with pytest.raises(Refused) as refused:
        queue("delete", first, second)
    assert [one["ReceiptHandle"] for one in refused.value.details["failures"]] == [first]
