"""Bodies are unpacked to what was packed, and never to more than was announced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.local.sls.compression import COMPRESS_TYPES, compress, decompress
from sink.local.sls.errors import SlsError


@given(st.sampled_from(COMPRESS_TYPES), st.binary(max_size=4096))
def test_what_was_compressed_comes_back(compress_type: str, raw: bytes) -> None:
    """For every type and every body, the empty one included."""
    assert decompress(compress_type, compress(compress_type, raw), len(raw)) == raw


@pytest.mark.parametrize("compress_type", COMPRESS_TYPES)
@pytest.mark.parametrize("raw_size", [99, 101])
def test_a_wrong_raw_size_is_refused(compress_type: str, raw_size: int) -> None:
    """PostBodyUncompressError when more or less comes out than x-log-bodyrawsize says."""
    with pytest.raises(SlsError) as refused:
        decompress(compress_type, compress(compress_type, b"x" * 100), raw_size)
    assert refused.value.code == "PostBodyUncompressError"


@pytest.mark.parametrize("compress_type", COMPRESS_TYPES)
def test_a_bomb_does_not_go_off(compress_type: str) -> None:
    """A body that unpacks to far more than announced is refused without unpacking it."""
    with pytest.raises(SlsError) as refused:
        decompress(compress_type, compress(compress_type, bytes(50_000_000)), 1000)
    assert refused.value.code == "PostBodyUncompressError"


@pytest.mark.parametrize("compress_type", COMPRESS_TYPES)
def test_garbage_is_refused(compress_type: str) -> None:
    """PostBodyUncompressError."""
    with pytest.raises(SlsError) as refused:
        decompress(compress_type, b"\xff\xfe garbage", 1000)
    assert refused.value.code == "PostBodyUncompressError"


def test_an_unknown_type_is_refused() -> None:
    """InvalidCompressType."""
    with pytest.raises(SlsError) as refused:
        decompress("brotli", b"", 0)
    assert refused.value.code == "InvalidCompressType"
