"""Kill -9 at any moment, under any fault, again and again: nothing is lost, nothing is made up.

The oracle is what was sent: at the end every event is in the logstore with its whole body, the queue is
empty, and a fresh event still passes (after Vector's "obligations, conservation, liveness"). Seeds make a
failure repeatable; `SINK_CRASHES=200 make test` kills that often instead of a few times.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random

import pytest

from sink.events import parse_body
from tests import samples
from tests.faults import heal, inject, requests
from tests.local.conftest import RunningCloud
from tests.processes import Sink, json_lines, stored_records, wait_until

CRASHES = int(os.environ.get("SINK_CRASHES", "6"))
FAULTS: list[tuple[str, dict[str, object]]] = [
    ("sls:PostLogStoreLogs", {"status": 503, "code": "ServerBusy", "every": 3}),
    ("sls:PostLogStoreLogs", {"reset": True, "after_effect": True, "every": 2}),
    ("sls:PostLogStoreLogs", {"delay_seconds": 0.3}),
    ("mns:BatchDeleteMessage", {"reset": True, "after_effect": True, "every": 2}),
    ("mns:BatchDeleteMessage", {"status": 500, "code": "InternalError", "every": 2}),
    ("mns:BatchReceiveMessage", {"reset": True, "after_effect": True, "every": 4}),
    ("mns:ChangeMessageVisibility", {"status": 500, "code": "InternalError"}),
]


@pytest.mark.timeout(120 + 10 * CRASHES)
@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_however_often_it_is_killed(
    furnished: Sink, cloud: RunningCloud, tmp_path: Path, seed: int
) -> None:
    """Each time at another moment, while something else is broken."""
    random = Random(seed)
    sent: list[str] = []
    for crash in range(CRASHES):
        bodies = [samples.state_change(instance=f"i-{crash}-{n}") for n in range(random.randint(50, 400))]
        assert furnished.call("send", str(json_lines(tmp_path / "b.jsonl", bodies))).returncode == 0
        sent += bodies
        match, fault = random.choice(FAULTS)
        inject(cloud.url, match, **fault)
        asked = len(requests(cloud.url, "BatchReceiveMessage"))
        with furnished.start("run") as running:
            wait_until_more(cloud, "BatchReceiveMessage", asked)
            time.sleep(random.uniform(0, 0.5))  # not to win a race: to be killed at any moment of it
            running.kill()
        heal(cloud.url)
    sent.append(samples.state_change(instance="i-fresh"))
    assert furnished.call("send", "-", stdin=sent[-1].encode()).returncode == 0
    assert furnished.call("run", "--drain").returncode == 0

    stored = stored_bodies(cloud)
    assert {parse_body(body).event_key for body in sent} == set(stored)
    assert set(stored.values()) == set(sent)


def wait_until_more(cloud: RunningCloud, operation: str, count: int) -> None:
    """Wait until it was asked for more often than so."""
    wait_until(lambda: len(requests(cloud.url, operation)) > count, f"more {operation}")


def stored_bodies(cloud: RunningCloud) -> dict[str, str]:
    """Every distinct event_key with its body."""
    return {record["event_key"]: record["body"] for record in stored_records(cloud.url)}
