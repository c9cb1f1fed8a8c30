"""The client is made when the first call is, and once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from sink.cloud.late import LateApi
from sink.credentials import LOCAL_KEYS
from tests.cloud.test_api import regions_call
from tests.cloud.world import Scene, everything_at


def test_calls_at_once_share_one_client(scene: Scene) -> None:
    """However many are first."""
    api = LateApi(everything_at(scene.url), LOCAL_KEYS, connections=4)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: api(regions_call()), range(8)))
    api.close()

    assert len({answer.request_id for answer in answers}) == 8


def test_a_client_that_was_never_made_is_closed() -> None:
    """A sink may end before its first call, and loads no SDK for that."""
    code = (
        "import sys; from sink.cloud.late import Endpoints, LateApi; "
        "from sink.credentials import LOCAL_KEYS; "
        "LateApi(Endpoints(), LOCAL_KEYS, connections=1).close(); print('aliyunsdkcore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_the_sdk_is_loaded_at_the_first_call() -> None:
    """A sink is at work before."""
    code = "import sys, sink.cloud; sys.exit('aliyunsdkcore' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
