"""Every test may talk to an embedded cloud of its own, and sees no credentials of this machine."""

from __future__ import annotations

import pytest

from tests.local.conftest import RunningCloud, cloud, log_client

__all__ = ["RunningCloud", "clean_environment", "cloud", "log_client"]


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
