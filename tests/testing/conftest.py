"""One embedded cloud for all tests of a file: each has instances of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sink.testing import EmbeddedCloud, embedded_cloud


@pytest.fixture(scope="module")
def lively_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """A cloud that lives 60 times as fast as life."""
    with embedded_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
