"""Loading: every source gives the same frame, and what cannot be used is counted."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sink.analysis.frames import ACTIONS, EVENTS, INVENTORY, SYSTEM, FrameError
from sink.analysis.generator import Fleet, sample
from sink.analysis.lives import lifetimes
from sink.analysis.loading import Loaded, load_actions, load_events, load_inventory
from tests import samples
from tests.analysis.streams import at, record, sighting

Writer = Callable[[Path, Sequence[dict[str, str]]], str]


def write_lines(path: Path, lines: Sequence[str]) -> str:
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return str(path)


def as_json_lines(folder: Path, records: Sequence[dict[str, str]]) -> str:
    return write_lines(folder / "records.jsonl", [json.dumps(found) for found in records])


def as_gzip(folder: Path, records: Sequence[dict[str, str]]) -> str:
    path = folder / "records.jsonl.gz"
    path.write_bytes(gzip.compress(Path(as_json_lines(folder, records)).read_bytes()))
    return str(path)


def as_csv(folder: Path, records: Sequence[dict[str, str]]) -> str:
    pd.DataFrame(records).to_csv(folder / "records.csv", index=False)
    return str(folder / "records.csv")


def as_parquet(folder: Path, records: Sequence[dict[str, str]]) -> str:
    path = folder / "records.parquet"
    rows = f"read_csv('{as_csv(folder, records)}', all_varchar = true)"
    duckdb.connect().execute(f"COPY (FROM {rows}) TO '{path}'")
    return str(path)


def as_bodies(folder: Path, records: Sequence[dict[str, str]]) -> str:
    return write_lines(folder / "bodies.jsonl", [found["body"] for found in records])


def as_base64(folder: Path, records: Sequence[dict[str, str]]) -> str:
    lines = [b64encode(found["body"].encode()).decode() for found in records]
    return write_lines(folder / "bodies.txt", lines)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return sample(2)


@pytest.mark.parametrize("write", [as_json_lines, as_gzip, as_csv, as_parquet])
def test_records_load_the_same_from_every_format(write: Writer, tmp_path: Path, fleet: Fleet) -> None:
    """JSON lines, gzip, CSV and Parquet."""
    loaded = load_events(write(tmp_path, fleet.records))
    assert_frame_equal(loaded.events, fleet.events)
    assert loaded.quarantined == {}


@pytest.mark.parametrize("write", [as_bodies, as_base64])
def test_bodies_load_as_their_records_do(write: Writer, tmp_path: Path, fleet: Fleet) -> None:
    """Only when they were received is not in them."""
    loaded = load_events(write(tmp_path, fleet.records))
    assert_frame_equal(
        loaded.events.drop(columns="received_at_ms"), fleet.events.drop(columns="received_at_ms")
    )


def bodies_of_every_shape() -> list[str]:
    paths = [*samples.paths(), *samples.shared_paths()]
    return [" ".join(path.read_text("utf-8").split()) for path in paths]


def counts(loaded: Loaded) -> list[object]:
    system = loaded.system.drop(columns="received_at_ms").astype({"instance_id": "object"})
    events = loaded.events.drop(columns="received_at_ms")
    return [sorted(map(repr, frame.to_numpy().tolist())) for frame in (events, system)]


@pytest.mark.parametrize("body", bodies_of_every_shape())
def test_a_file_is_understood_as_the_sink_understands_it(body: str, tmp_path: Path) -> None:
    """DuckDB's way through plain bodies and `parse_body`'s through all others agree on every sample."""
    by_file = load_events(write_lines(tmp_path / "body.jsonl", [body]))
    by_sink = load_events([{"body": body}])
    assert counts(by_file) == counts(by_sink)
    assert by_file.quarantined == by_sink.quarantined


@pytest.mark.parametrize(
    "line",
    ["not json", "{", "[]", '"text"', "12", "{}", '{"name": 3}', '{"name": "x", "content": [1]}', "é\ufeff"],
)
def test_lines_that_are_no_events_are_counted(line: str, tmp_path: Path) -> None:
    """And never lost: read is the number of lines."""
    plain = samples.state_change("Running")
    loaded = load_events(write_lines(tmp_path / "mixed.jsonl", [plain, line, plain, ""]))
    assert len(loaded.events) == 2
    assert loaded.read == 3


def test_records_and_bodies_may_stand_in_one_file(tmp_path: Path) -> None:
    """Whichever comes first."""
    body, stored = samples.state_change("Running"), json.dumps(record("Deleted", 60))
    for lines in ([body, stored], [stored, body]):
        loaded = load_events(write_lines(tmp_path / "both.jsonl", lines))
        assert sorted(loaded.events["state"].astype("object")) == ["Deleted", "Running"]


def test_records_of_other_topics_are_no_events(tmp_path: Path) -> None:
    """An export holds all four topics; what the sink quarantined is counted as such."""
    rows = [
        record("Running", 0),
        sighting(0),
        {"schema_version": "1", "action_id": "a", "event_key": "k", "instance_id": "i-1", "status": "done"},
        {"schema_version": "1", "event_key": "q", "reason": "not JSON", "body": "x"},
    ]
    loaded = load_events(as_json_lines(tmp_path, rows))
    assert (len(loaded.events), loaded.quarantined) == (1, {"quarantined by the sink": 1})


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"instance_id": ""}, "no instance id"),
        ({"instance_id": "i-bp1****"}, "masked instance id"),
        ({"state": "Panding"}, "unknown state"),
        ({"event_time_ms": ""}, "no time"),
        ({"event_time_ms": "-1"}, "time before 1970"),
        ({"product": "RDS", "instance_id": "rm-1"}, "another product"),
    ],
)
def test_an_event_that_cannot_be_used_is_quarantined_by_reason(fields: dict[str, str], reason: str) -> None:
    """Counted, never guessed: masked ids, for one, would fold many instances into one."""
    loaded = load_events([record("Running", 0, **fields), record("Running", 0)])
    assert loaded.quarantined == {reason: 1}
    assert len(loaded.events) == 1


@pytest.mark.parametrize(
    ("state", "canonical"),
    [("created", "Pending"), ("Created", "Pending"), (" running ", "Running"), ("STOPPED", "Stopped")],
)
def test_a_state_is_read_without_regard_to_case(state: str, canonical: str) -> None:
    """`Created` is the newer name of Pending."""
    assert load_events([record("Running", 0, state=state)]).events["state"].tolist() == [canonical]


@pytest.mark.parametrize(
    "stamp",
    [
        "20261122T160000.000+0800",
        "20261122T160000+0800",
        "20261122T080000Z",
        "2026-11-22T08:00:00Z",
        "2026-11-22T16:00:00.000+08:00",
        "20261122T040000.000-0400",
        "1795334400000",
    ],
)
def test_the_zone_and_form_of_a_stamp_do_not_matter(stamp: str, tmp_path: Path) -> None:
    """One moment is one moment."""
    path = write_lines(tmp_path / "one.jsonl", [samples.state_change("Running", eventTime=stamp)])
    assert load_events(path).events["event_time_ms"].tolist() == [1_795_334_400_000]


def test_content_may_be_a_text(tmp_path: Path) -> None:
    """As DescribeSystemEventAttribute has it."""
    content = json.dumps({"resourceId": "i-7", "resourceType": "ALIYUN::ECS::Instance", "state": "Running"})
    path = write_lines(tmp_path / "one.jsonl", [samples.state_change(content=content)])
    assert load_events(path).events["instance_id"].tolist() == ["i-7"]


def test_since_is_part_of_the_span_and_until_is_not() -> None:
    """[since, until), so that spans follow each other without a gap or a repeat."""
    found = [record("Pending", 0), record("Starting", 60), record("Running", 120)]
    loaded = load_events(found, since=at(60), until=at(120))
    assert loaded.events["state"].tolist() == ["Starting"]


def test_a_span_may_part_lines_that_are_read_again(tmp_path: Path) -> None:
    """Those without an id, of which one is older than what is asked for."""
    stamps = ("20261122T080000.000+0800", "20261122T090000.000+0800")
    bodies = [samples.state_change(id="", eventTime=stamp) for stamp in stamps]
    path = write_lines(tmp_path / "two.jsonl", bodies)
    times = load_events(path).events["event_time_ms"].tolist()
    assert load_events(path, since=times[1]).events["event_time_ms"].tolist() == times[1:]


def test_maintenance_goes_into_a_table_of_its_own() -> None:
    """With its kind and status apart."""
    reboot = record("Running", 0, kind="Instance:SystemMaintenance.Reboot", status="Executing", state="")
    loaded = load_events([reboot])
    assert loaded.system[["kind", "status"]].to_numpy().tolist() == [
        ["Instance:SystemMaintenance.Reboot", "Executing"]
    ]
    assert len(loaded.events) == 0


def test_an_empty_file_is_an_empty_frame(tmp_path: Path) -> None:
    """With the right columns and types."""
    loaded = load_events(write_lines(tmp_path / "empty.jsonl", []))
    assert loaded.events.dtypes.astype(str).tolist() == EVENTS.empty().dtypes.astype(str).tolist()
    assert loaded.system.columns.tolist() == SYSTEM.names
    assert loaded.read == 0


def test_a_file_that_is_not_there_is_named() -> None:
    """With the next step."""
    with pytest.raises(FrameError, match=r"no file /nowhere/events\.jsonl. Name a file"):
        load_events("/nowhere/events.jsonl")


def test_a_file_that_cannot_be_read_is_named_with_the_line(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are no message that MNS delivered."""
    path = tmp_path / "bytes.jsonl"
    path.write_bytes(samples.state_change("Running").encode() + b"\n\xff\xfe\n")
    with pytest.raises(FrameError, match=r"bytes\.jsonl cannot be read: .*[Ll]ine: 2"):
        load_events(path)


def test_a_csv_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    """The message names the column and the next step."""
    lacking = [{key: text for key, text in record("Running", 0).items() if key != "event_time_ms"}]
    with pytest.raises(FrameError, match=r"no column 'event_time_ms'\. Export the logstore's fields"):
        load_events(as_csv(tmp_path, lacking))


def test_a_glob_loads_several_files(tmp_path: Path) -> None:
    """A day a file, say."""
    for day in range(3):
        write_lines(tmp_path / f"day{day}.jsonl", [samples.state_change("Running", f"i-{day}")])
    assert load_events(str(tmp_path / "day*.jsonl")).events["instance_id"].tolist() == ["i-0", "i-1", "i-2"]


def test_one_event_is_one_row() -> None:
    """The smallest log."""
    assert len(lifetimes(load_events([record("Running", 0)]).events, at(60))) == 1


def test_a_hundred_thousand_instances_are_as_many_lives() -> None:
    """No pass is by instance in Python: this takes a second."""
    ids = pd.Categorical.from_codes(range(100_000), pd.Index([f"i-{n:06d}" for n in range(100_000)]))
    frame = pd.DataFrame(
        {"instance_id": ids, "state": "Running", "event_time_ms": at(0), "event_ref": range(100_000)}
    )
    made = EVENTS.cast(frame.assign(region_id="r", zone_id=None, instance_type=None, received_at_ms=None))
    assert lifetimes(made, at(1))["running_ms"].sum() == 100_000_000


def test_inventory_loads_in_types() -> None:
    """Texts become times, hours and a truth value."""
    found = load_inventory([sighting(0, spot_duration=1, creation_time_ms=5)])
    assert found.dtypes.astype(str).to_dict() == INVENTORY.empty().dtypes.astype(str).to_dict()
    assert found[["observed_at_ms", "spot_duration", "complete"]].to_numpy().tolist() == [[at(0), 1, True]]


def test_actions_load_in_types(tmp_path: Path, fleet: Fleet) -> None:
    """From records at hand and from a file alike."""
    found = load_actions(fleet.action_records)
    assert found.dtypes.astype(str).to_dict() == ACTIONS.empty().dtypes.astype(str).to_dict()
    assert_frame_equal(load_actions(as_json_lines(tmp_path, fleet.action_records)), found)


def test_inventory_is_picked_out_of_a_file_of_all_topics(tmp_path: Path) -> None:
    """An export holds them all."""
    path = as_json_lines(tmp_path, [record("Running", 0), sighting(0)])
    assert load_inventory(path)["instance_id"].tolist() == ["i-1"]
