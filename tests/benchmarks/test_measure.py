"""A figure is only given for work that was done: the canned server, and what is measured by it."""

from __future__ import annotations

import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException

from benchmarks.bodies import kind_of
from benchmarks.clocks import cpu_seconds, peak_megabytes
from benchmarks.measure import KEYS, BenchmarkError, CannedServer, run_rival
from benchmarks.place import QUEUE
from benchmarks.rivals import RIVALS, Rival, sink_in
from benchmarks.verify import verify
from sink.local.fleet.events import CATALOGUE

THIEF = """
import re, sys
from benchmarks.place import keys
from benchmarks.rivals.handmade import Connection, Requests
requests, connection = Requests(sys.argv[1], *keys()), Connection(sys.argv[1])
while handles := re.findall(rb"<ReceiptHandle>([^<]+)<", connection.ask(requests.receive())):
    connection.ask(requests.delete(handles))
"""


def rival(folder: Path, program: str) -> Rival:
    """A rival that is this program."""
    path = folder / "rival.py"
    path.write_text(program, encoding="utf-8")
    return Rival("thief", "", lambda url: [str(path), url], lambda *_: None, {})


def test_the_queue_holds_every_kind_of_event(bodies: list[bytes]) -> None:
    """The first ones are one of each, so that a short run has them too."""
    assert {kind_of(body) for body in bodies[: len(CATALOGUE)]} == set(CATALOGUE)
    assert len(bodies) > 5000
    assert len(set(bodies)) == len(bodies)


def test_the_sdk_reads_what_is_canned(canned: CannedServer, bodies: list[bytes]) -> None:
    """Sixteen messages, of which none comes twice, until all are handed out."""
    canned.begin(32, 0, 0)
    account = Account(canned.url, *KEYS.values())
    queue = account.get_queue(QUEUE)

    received = [*queue.batch_receive_message(16, 1), *queue.batch_receive_message(16, 1)]

    assert len({message.message_id for message in received}) == 32
    assert len({message.receipt_handle for message in received}) == 32
    assert {kind_of(message.message_body) for message in received} <= set(CATALOGUE)
    with pytest.raises(MNSServerException, match="MessageNotExist"):
        queue.batch_receive_message(16, 1)
    account.get_client().close_connection()


def test_the_queue_counts_what_is_left(canned: CannedServer) -> None:
    """As a draining sink asks: visible and hidden messages, and none once they are deleted."""
    canned.begin(32, 0, 0)
    account = Account(canned.url, *KEYS.values())
    queue = account.get_queue(QUEUE)

    def counts() -> tuple[int, int]:
        meta = queue.get_attributes()
        return int(meta.active_messages), int(meta.inactive_messages)

    assert counts() == (32, 0)
    received = queue.batch_receive_message(16, 1)
    assert counts() == (16, 16)
    queue.delete_message(received[0].receipt_handle)
    queue.batch_delete_message([message.receipt_handle for message in received[1:]])
    assert counts() == (16, 0)
    account.get_client().close_connection()


def test_an_answer_is_held_back_for_the_latency(canned: CannedServer) -> None:
    """And for no shorter."""
    canned.begin(16, 50, 0)
    connection = HTTPConnection(canned.url.removeprefix("http://"))
    connection.connect()

    began = time.perf_counter()
    connection.request("GET", f"/queues/{QUEUE}/messages?numOfMessages=16")
    connection.getresponse().read()

    assert time.perf_counter() - began >= 0.05
    connection.close()
    canned.begin(0, 0, 0)


def test_nobody_is_answered_before_all_receive(canned: CannedServer) -> None:
    """Of several processes that start, each has begun when the clock does."""
    canned.begin(32, 0, 0, receivers=2)
    first, second = (HTTPConnection(canned.url.removeprefix("http://"), timeout=0.3) for _ in range(2))
    receive = f"/queues/{QUEUE}/messages?numOfMessages=16"

    first.request("GET", receive)
    with pytest.raises(TimeoutError):
        first.sock.recv(1)
    second.request("GET", receive)

    assert [one.getresponse().read()[:5] for one in (first, second)] == [b"<?xml"] * 2
    assert canned.report()["received"] == 32
    first.close()
    second.close()
    canned.begin(0, 0, 0)


def test_the_cpu_of_all_processes_counts(canned: CannedServer) -> None:
    """One in two costs as much as two in one would, and their memory is added."""
    one, two = (run_rival(sink_in(number), canned, 3200, 0).figures for number in (1, 2))

    assert 0.6 < two["cpu_ms_per_event"] / one["cpu_ms_per_event"] < 1.7
    assert two["peak_megabytes"] > 2 * one["peak_megabytes"]


def test_what_is_not_canned_is_an_error_and_remembered(canned: CannedServer) -> None:
    """A rival that asks for it is not measured."""
    canned.begin(16, 0, 0)
    connection = HTTPConnection(canned.url.removeprefix("http://"))

    connection.request("GET", "/queues/ecs-events/messages?numOfMessages=3")

    assert connection.getresponse().status == 501
    assert canned.report()["unknown"] == ["GET /queues/ecs-events/messages?numOfMessages=3"]
    connection.close()


def test_a_sample_counts_the_requests_up_to_the_last_delete(canned: CannedServer) -> None:
    """The looks into the queue that is empty are nobody's work."""
    sample = run_rival(RIVALS["loop"], canned, 32, 0)

    assert Counter(sample.requests) == {"ReceiveMessage": 32, "PutLogs": 32, "DeleteMessage": 32}
    assert sample.figures["requests_per_event"] == 3


def test_a_rival_that_does_not_store_is_not_measured(canned: CannedServer, tmp_path: Path) -> None:
    """However fast it is."""
    with pytest.raises(BenchmarkError, match="'stored': 0, 'deleted': 32"):
        run_rival(rival(tmp_path, THIEF), canned, 32, 0)


def test_a_rival_that_fails_is_shown_with_what_it_said(canned: CannedServer, tmp_path: Path) -> None:
    """Its own words help."""
    with pytest.raises(BenchmarkError, match=r"(?s)ended with 3 after.*no idea"):
        run_rival(rival(tmp_path, "print('no idea'); raise SystemExit(3)"), canned, 32, 0)


def test_events_that_are_missing_are_noticed_on_the_embedded_cloud(
    bodies: list[bytes], tmp_path: Path
) -> None:
    """The proof of the rivals' work can fail."""
    with pytest.raises(BenchmarkError, match="left 0 messages, 16 of 16 events are missing"):
        verify(rival(tmp_path, THIEF), bodies[:16])


def test_a_slow_rival_gets_a_share_of_the_events_and_the_fastest_more() -> None:
    """In whole batches, and the more latency the less."""
    loop, sink, ceiling = RIVALS["loop"], RIVALS["sink"], RIVALS["ceiling"]

    assert [loop.events(32_000, latency) for latency in (0, 5, 20)] == [3200, 640, 320]
    assert [sink.events(32_000, latency) for latency in (0, 5, 20)] == [32_000] * 3
    assert ceiling.events(32_000, 0) > 32_000
    assert loop.events(16, 20) == 64


def test_clocks_tell_of_this_process() -> None:
    """Its CPU time as Python itself tells it, and a peak that is not below what it has now."""
    before = time.process_time()
    told = cpu_seconds(0)

    assert before <= told <= time.process_time()
    assert peak_megabytes(_this()) > 10


def test_clocks_of_a_process_that_is_gone_raise() -> None:
    """No figure is made up."""
    with pytest.raises(OSError):  # noqa: PT011 - the kernel's own
        cpu_seconds(2**22 - 1)
    with pytest.raises(OSError):  # noqa: PT011
        peak_megabytes(2**22 - 1)


def _this() -> int:
    import os

    return os.getpid()
