"""Every test may talk to an embedded cloud of its own, and sees no credentials of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.local.conftest import RunningCloud, cloud, log_client
from tests.processes import Sink, make_logstore, make_queue

# How long an example takes says more of the neighbours on a machine than of the code.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

__all__ = ["RunningCloud", "clean_environment", "cloud", "furnished", "log_client"]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, no keys and no overrides from outside; the credential chain asks no metadata service."""
    import os

    for name in list(os.environ):
        if name.upper().startswith(("SINK__", "ALIBABA_CLOUD_", "ALIYUN_")) or name.lower().endswith(
            "_proxy"
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")


@pytest.fixture
def furnished(cloud: RunningCloud, tmp_path: Path) -> Sink:
    """A sink on a cloud that has its queue and logstore, and that it takes for Alibaba Cloud."""
    make_queue(cloud.url, "ecs-events")
    make_logstore(cloud.url)
    return Sink.on(cloud, tmp_path / "sink")
