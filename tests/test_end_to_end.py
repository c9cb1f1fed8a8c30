"""The real process, what a user sees of it, and that nothing is lost whatever happens to it."""

from __future__ import annotations

import gzip
import json
import signal
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from aliyun.log import LogClient
from mns.account import Account

from sink.events import parse_body
from tests import samples
from tests.faults import heal, inject, requests
from tests.local.conftest import RunningCloud
from tests.processes import Sink, json_lines, make_queue, stored_records, wait_until

TRACES = samples.SHARED_EVENTS.parent / "data" / "bamboo-spot-traces"
HOSTILE = {
    "not JSON": b"hello",
    "not UTF-8": b"\xff\xfe\x00\x80",
    "base64 of base64": b64encode(samples.state_change(instance="i-twice").encode()),
    "a JSON list": b"[1, 2]",
    "no name": b'{"content": {}}',
    "no content": b'{"name": "Instance:StateChange", "id": "no-content"}',
    "content a string": b'{"name": "Instance:StateChange", "id": "text", "content": "words"}',
    "content JSON in a string": b'{"name": "x:y", "id": "j", "content": "{\\"instanceId\\": \\"i-text\\"}"}',
    "an unknown name": b'{"name": "Moon:Landing:Done", "id": "moon", "product": "MOON"}',
    "masked": b'{"name": "Instance:StateChange", "content": {"state": "St***ng", "resourceId": "i-b***2"}}',
    "nearly 64 KB": samples.state_change(instance="i-large", padding="x" * 48_000).encode(),
    "no milliseconds": samples.state_change(instance="i-time1", eventTime="20261122T080000+0800").encode(),
    "zone with a colon": samples.state_change(
        instance="i-time2", eventTime="20261122T080000.1+08:00"
    ).encode(),
    "long ago": samples.state_change(instance="i-time3", eventTime="20181226T220114.058+0800").encode(),
    "in the future": samples.state_change(instance="i-time4", eventTime="20991226T220114.058+0800").encode(),
    "before 1970": samples.state_change(instance="i-time5", eventTime="19651226T220114.058+0800").encode(),
}


def keys_of(bodies: list[str]) -> set[str]:
    return {parse_body(body).event_key for body in bodies}


def stored_keys(cloud: RunningCloud) -> set[str]:
    """Every distinct event_key in the logstore."""
    return {record["event_key"] for record in stored_records(cloud.url)}


def messages_hidden(cloud: RunningCloud) -> int:
    """How many messages are in some sink's hand."""
    queue = Account(cloud.url, "local", "local-secret").get_queue("ecs-events")
    try:
        return int(queue.get_attributes().inactive_messages)
    finally:
        queue.mns_client.close_connection()


def test_every_sample_is_found_again_by_its_key_byte_for_byte(tmp_path: Path) -> None:
    """Through the queue into the logstore, and out by a query."""
    sink = Sink(tmp_path)
    bodies = [path.read_text(encoding="utf-8") for path in samples.paths()]

    sent = sink.call("send", *(str(path) for path in samples.paths()))
    drained = sink.call("run", "--drain")

    assert (sent.returncode, sent.stdout) == (0, f"sent {len(bodies)} messages to ecs-events\n")
    assert (drained.returncode, drained.stderr) == (0, "")
    for body in bodies:
        assert body in [row["body"] for row in sink.rows(f'event_key:"{parse_body(body).event_key}"')]


@pytest.mark.skipif(not samples.shared_paths(), reason="the vendor's samples are not beside this checkout")
def test_every_sample_of_the_vendor_is_found_again_byte_for_byte(tmp_path: Path) -> None:
    """Some share an id and a kind, and so a key: each body is among its key's rows."""
    sink = Sink(tmp_path)
    paths = samples.shared_paths()

    assert sink.call("send", *map(str, paths[::2])).returncode == 0
    assert sink.call("send", "--raw", *map(str, paths[1::2])).returncode == 0
    assert sink.call("run", "--drain").returncode == 0
    rows = sink.rows("*", "--limit", "1000")

    assert len(rows) == len(paths)
    for path in paths:
        body = path.read_text(encoding="utf-8")
        key = parse_body(body).event_key
        assert body in [row["body"] for row in rows if row["event_key"] == key], path.name


@pytest.mark.skipif(not TRACES.is_dir(), reason="the real traces are not beside this checkout")
@pytest.mark.parametrize("name", ["p3-events.jsonl.gz", "p3-events-dirty.jsonl.gz"])
def test_a_real_trace_arrives_whole(tmp_path: Path, name: str) -> None:
    """As many distinct keys in the logstore as were sent."""
    sink = Sink(tmp_path)
    with gzip.open(TRACES / name, "rt", encoding="utf-8") as file:
        bodies = file.read().splitlines()

    assert sink.call("send", str(TRACES / name)).returncode == 0
    assert sink.call("run", "--drain").returncode == 0
    (counted,) = sink.rows("* | select count(1) as records, count(distinct event_key) as events from log")

    assert counted == {"records": str(len(bodies)), "events": str(len(keys_of(bodies)))}


def test_hostile_bodies_are_stored_and_leave_their_neighbours_alone(tmp_path: Path) -> None:
    """One batch of sixteen, each of another kind of wrong: all deleted, all searchable."""
    sink = Sink(tmp_path)
    for name, body in HOSTILE.items():
        (tmp_path / f"{name}.body").write_bytes(body)

    assert sink.call("send", *(f"{name}.body" for name in HOSTILE)).returncode == 0
    drained = sink.call("run", "--drain")
    rows = sink.rows("*", "--limit", "1000")

    assert drained.returncode == 0, drained.stderr
    assert len(rows) == len(HOSTILE)
    unreadable = ("not UTF-8", "not JSON", "a JSON list", "no name")
    quarantined = {row["body"] for row in rows if row["__topic__"] == "quarantine"}
    assert quarantined == {b64encode(HOSTILE[name]).decode() for name in unreadable}
    assert {row["instance_id"] for row in rows if "instance_id" in row} >= {
        "i-twice", "i-text", "i-b***2", "i-large", "i-time1", "i-time2", "i-time3", "i-time4", "i-time5",
    }  # fmt: skip


def test_a_killed_sink_loses_nothing(furnished: Sink, cloud: RunningCloud, tmp_path: Path) -> None:
    """Kill -9 in the middle, then drain: every event is there."""
    bodies = [samples.state_change(instance=f"i-{n}") for n in range(1500)]
    assert furnished.call("send", str(json_lines(tmp_path / "many.jsonl", bodies))).returncode == 0
    # A slow store keeps the sink in the middle for as long as it takes to kill it there.
    inject(cloud.url, "sls:PostLogStoreLogs", delay_seconds=0.2)

    with furnished.start("run") as running:
        wait_until(lambda: len(requests(cloud.url, "PostLogStoreLogs")) >= 2, "two groups written")
        running.kill()
    heal(cloud.url)
    before = len(requests(cloud.url, "BatchDeleteMessage"))
    drained = furnished.call("run", "--drain")

    assert drained.returncode == 0, drained.stderr
    assert before < len(bodies) / 16
    assert stored_keys(cloud) == keys_of(bodies)


def test_the_embedded_cloud_keeps_what_it_was_given_when_the_sink_is_killed(tmp_path: Path) -> None:
    """Its process ends with its last user, and everything is there at the next start."""
    sink = Sink(tmp_path)
    bodies = [samples.state_change(instance=f"i-{n}") for n in range(800)]
    assert sink.call("send", str(json_lines(tmp_path / "many.jsonl", bodies))).returncode == 0

    with sink.start("run") as running:
        wait_until((tmp_path / "data" / "cloud.json").exists, "the embedded cloud runs")
        running.kill()
    drained = sink.call("run", "--drain")

    assert drained.returncode == 0, drained.stderr
    assert sink.keys_stored() == keys_of(bodies)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_summary(furnished: Sink, cloud: RunningCloud, number: int) -> None:
    """Exit code 0, nothing on standard error, and what was done."""
    with furnished.start("run") as running:
        assert furnished.call("send", "-", stdin=samples.state_change().encode()).returncode == 0
        wait_until(lambda: bool(stored_keys(cloud)), "the event is stored")
        code, output, errors = running.stop(number)

    assert (code, errors) == (0, "")
    assert "received 1, stored 1, deleted 1." in output.splitlines()[-1]


def test_the_echo_of_a_signal_is_not_a_second_one(furnished: Sink, cloud: RunningCloud) -> None:
    """`timeout` signals the process and then its group: that is one wish, to end in order."""
    with furnished.start("run") as running:
        wait_until(lambda: bool(requests(cloud.url, "BatchReceiveMessage")), "it receives")
        running.process.send_signal(signal.SIGINT)
        code, output, _ = running.stop(signal.SIGINT)

    assert (code, "Ended after" in output) == (0, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(furnished: Sink, cloud: RunningCloud, number: int) -> None:
    """Whoever insists does not wait for a store that hangs; the message comes back by itself."""
    inject(cloud.url, "sls:PostLogStoreLogs", delay_seconds=30)
    assert furnished.call("send", "-", stdin=samples.state_change().encode()).returncode == 0
    with furnished.start("run") as running:
        wait_until(lambda: messages_hidden(cloud) == 1, "the message is in hand")
        running.process.send_signal(number)
        wait_until(lambda: "Stopping: 1 messages in hand" in running.output, "it is stopping")
        wait_until(lambda: running.ends_at(number), "it ends at one of the signals that follow")
    heal(cloud.url)

    assert running.process.returncode == -number
    assert furnished.call("run", "--drain").returncode == 0
    assert stored_keys(cloud) == keys_of([samples.state_change()])


@pytest.mark.parametrize(
    ("match", "fault", "part", "code"),
    [
        ("mns:BatchReceiveMessage", {"status": 403, "code": "AccessDenied"}, "ecs-events", "AccessDenied"),
        ("mns:BatchReceiveMessage", {"status": 404, "code": "QueueNotExist"}, "ecs-events", "QueueNotExist"),
        ("mns:BatchReceiveMessage", {"reset": True}, "ecs-events", "NoAnswer"),
        ("sls:PostLogStoreLogs", {"status": 503, "code": "ServerBusy"}, "logstore", "ServerBusy"),
        ("sls:PostLogStoreLogs", {"status": 404, "code": "LogStoreNotExist"}, "logstore", "LogStoreNotExist"),
        ("sls:PostLogStoreLogs", {"status": 403, "code": "WriteQuotaExceed"}, "logstore", "WriteQuotaExceed"),
        ("sls:PostLogStoreLogs", {"reset": True, "after_effect": True}, "logstore", "NoAnswer"),
        (
            "sls:PostLogStoreLogs",
            {"status": 400, "code": "RequestTimeTooSkewed"},
            "logstore",
            "RequestTimeTooSkewed",
        ),
    ],
)
def test_a_fault_is_said_once_and_outlived(
    furnished: Sink, cloud: RunningCloud, match: str, fault: dict[str, object], part: str, code: str
) -> None:
    """It stays up, says in one line what is wrong and in another that it is over, and loses nothing."""
    bodies = [samples.state_change(instance=f"i-{n}") for n in range(20)]
    inject(cloud.url, match, **fault)
    with furnished.start("run") as running:
        assert furnished.call("send", str(json_lines(furnished.folder / "b.jsonl", bodies))).returncode == 0
        wait_until(lambda: "failing" in running.log, "it says that it fails")
        assert running.process.poll() is None
        heal(cloud.url)
        wait_until(lambda: stored_keys(cloud) == keys_of(bodies), "every event is stored")
        wait_until(lambda: "recovered" in running.log, "it says that it works again")
        _, _, errors = running.stop()

    lines = [json.loads(line) for line in errors.splitlines()]
    assert [(line["event"], line["part"]) for line in lines] == [("failing", part), ("recovered", part)]
    assert lines[0]["code"] == code


def test_two_sinks_share_a_queue_and_lose_nothing(
    furnished: Sink, cloud: RunningCloud, tmp_path: Path
) -> None:
    """Any number may forward."""
    bodies = [samples.state_change(instance=f"i-{n}") for n in range(1000)]
    with furnished.start("run") as one, furnished.start("run") as two:
        assert furnished.call("send", str(json_lines(tmp_path / "b.jsonl", bodies))).returncode == 0
        wait_until(lambda: stored_keys(cloud) == keys_of(bodies), "every event is stored")
        codes = [one.stop()[0], two.stop()[0]]

    assert codes == [0, 0]


def test_two_sinks_on_one_embedded_cloud(tmp_path: Path) -> None:
    """The second joins the first's; it goes on when the first is killed."""
    sink = Sink(tmp_path)
    with sink.start("run") as one, sink.start("run") as two:
        wait_until((tmp_path / "data" / "cloud.json").exists, "the embedded cloud runs")
        assert sink.call("send", "-", stdin=samples.state_change(instance="i-1").encode()).returncode == 0
        wait_until(lambda: len(sink.rows("*")) == 1, "the first event is stored")
        one.kill()
        assert sink.call("send", "-", stdin=samples.state_change(instance="i-2").encode()).returncode == 0
        wait_until(lambda: len(sink.rows("*")) == 2, "the second event is stored")
        code, _, errors = two.stop()

    assert (code, errors) == (0, "")


def test_several_queues_are_taken_from(cloud: RunningCloud, furnished: Sink, tmp_path: Path) -> None:
    """Each has receivers of its own, and its name is in the record."""
    make_queue(cloud.url, "urgent")
    sink = Sink.on(cloud, tmp_path / "both", "")
    config = sink.config.replace("[mns]\n", "[mns]\nqueues = ecs-events, urgent\n")
    (sink.folder / "config.ini").write_text(config, encoding="utf-8")

    for queue in ("ecs-events", "urgent"):
        body = samples.state_change(instance=f"i-{queue}").encode()
        assert sink.call("send", "--queue", queue, "-", stdin=body).returncode == 0
    assert sink.call("run", "--drain").returncode == 0

    assert {(row["mns_queue"], row["instance_id"]) for row in sink.rows("*")} == {
        ("ecs-events", "i-ecs-events"),
        ("urgent", "i-urgent"),
    }


def test_a_query_is_searched_computed_or_refused(tmp_path: Path) -> None:
    """A table for people; a fault in the service's words, and exit code 64."""
    sink = Sink(tmp_path)
    sink.call("send", *(str(path) for path in samples.paths()))
    sink.call("run", "--drain")

    search = sink.call("query", 'kind:"Instance:PreemptibleInstanceInterruption"')
    counted = sink.call("query", "* | select envelope, count(1) as n group by envelope order by envelope")
    faulty = sink.call("query", "name:Instance:StateChange")
    nothing = sink.call("query", "nowhere")

    assert [word in search.stdout for word in ("i-sample0002", "i-sample0007", "i-sample0001")] == [
        True,
        True,
        False,
    ]
    assert [line.split() for line in counted.stdout.splitlines()[:3]] == [
        ["envelope", "n"],
        ["attribute", "1"],
        ["eventbridge", "1"],
    ]
    assert (faulty.returncode, faulty.stdout) == (64, "")
    assert faulty.stderr.startswith("sink: SLS: ")
    assert "ParameterInvalid" in faulty.stderr
    assert (nothing.returncode, nothing.stdout.startswith("0 rows")) == (0, True)


def test_a_faulty_configuration_ends_everything_with_78(tmp_path: Path) -> None:
    """Every fault is listed, and nothing else is printed."""
    sink = Sink(tmp_path, "[sink]\nregion = moon\n[mns]\nqueue = x\n[slss]\n")

    for command in (["check"], ["run"], ["send", "-"], ["query", "*"]):
        done = sink.call(*command, stdin=b"")
        assert done.returncode == 78
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command"),
        (["query"], "Missing argument"),
        (["send", "missing.json"], "missing.json: there is no such file"),
        (["send", "--queue", "other", "-"], "--queue other is not among [mns] queues"),
        (["query", "*", "--from", "yesterday"], "'yesterday' is no time"),
    ],
)
def test_a_faulty_command_line_ends_with_64(tmp_path: Path, arguments: list[str], words: str) -> None:
    """And says what is off."""
    done = Sink(tmp_path).call(*arguments, stdin=b"")

    assert (done.returncode, words in done.stderr) == (64, True)
    assert "Traceback" not in done.stderr


def test_nobody_at_the_endpoint_ends_a_query_with_69(tmp_path: Path) -> None:
    """Unavailable; the setting is named."""
    real = Sink(
        tmp_path,
        "[mns]\nendpoint = http://127.0.0.1:9\n[sls]\nendpoint = http://127.0.0.1:9\n",
        {"ALIBABA_CLOUD_ACCESS_KEY_ID": "local", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local-secret"},
    )
    done = real.call("query", "*")

    assert (done.returncode, "[sls] endpoint" in done.stderr) == (69, True)


def test_no_keys_anywhere_ends_with_77(furnished: Sink) -> None:
    """The chain is named, and how to fill it."""
    without = Sink(furnished.folder, furnished.config, {"HOME": str(furnished.folder)})

    done = without.call("query", "*")

    assert (done.returncode, "ALIBABA_CLOUD_ACCESS_KEY_ID" in done.stderr) == (77, True)


def test_a_message_that_is_too_large_is_named_and_the_others_are_sent(tmp_path: Path) -> None:
    """MNS takes 64 KB; base64 adds a third."""
    sink = Sink(tmp_path)
    path = json_lines(
        tmp_path / "b.jsonl", [samples.state_change(), samples.state_change(padding="x" * 60_000)]
    )

    done = sink.call("send", str(path))
    sink.call("run", "--drain")

    assert done.returncode == 64
    assert f"{path}:2: 80," in done.stderr
    assert len(sink.rows("*")) == 1


def test_the_keys_never_reach_the_output(furnished: Sink, cloud: RunningCloud) -> None:
    """Neither on standard output nor in the log, whatever fails."""
    inject(cloud.url, "*", status=403, code="AccessDenied", message="no", times=20)
    with furnished.start("run") as running:
        wait_until(lambda: len(requests(cloud.url)) > 8, "it was tried")
        _, output, errors = running.stop()

    assert "local-secret" not in output + errors


def test_the_vendors_client_sees_what_was_stored(
    furnished: Sink, cloud: RunningCloud, log_client: Callable[..., LogClient]
) -> None:
    """It finds each event that stands in the shards, once the index has them."""
    furnished.call("send", *(str(path) for path in samples.paths()))
    furnished.call("run", "--drain")
    client, stored = log_client(cloud.url), stored_keys(cloud)

    def found() -> set[str]:
        answer = client.get_log("ecs-event-sink", "ecs-events", 0, 4_000_000_000, query="*", size=100)
        return {log.get_contents()["event_key"] for log in answer.get_logs()}

    assert stored
    wait_until(lambda: found() == stored, "it finds all of them")
