"""Fields as bytes, and back."""

from __future__ import annotations

import pytest

from sink.events.encoding import Encoder, contents, decoded


@pytest.mark.parametrize("size", [1, 127, 128, 4095, 4096, 4097, 16384, 65536])
def test_a_value_of_any_size_comes_back(size: int) -> None:
    """Its length is written in one to three bytes, whether its head was kept or not."""
    encoder = Encoder("key", "other")
    texts = ("x" * size, "end")

    assert (
        decoded(encoder.encode(texts)) == decoded(encoder.encode(texts)) == {"key": texts[0], "other": "end"}
    )
    assert encoder.encode(texts) == contents({"key": texts[0], "other": "end"})


def test_what_is_kept_does_not_grow_with_what_is_sent() -> None:
    """Bodies are of sixty thousand sizes, and a sink runs for months."""
    encoder = Encoder("body")
    for size in range(0, 65536, 7):
        encoder.encode(["x" * size])

    assert sum(map(len, encoder._heads)) <= 4097
