"""How SLS bodies are compressed, in both directions: `x-log-compresstype` of lz4, zstd or deflate.

SLS's lz4 is a bare block without its size, which is why `x-log-bodyrawsize` must travel beside it. No
more than the raw size is ever unpacked, so a small body cannot blow up into a large one.
PutLogs reads with `decompress`; PullLogs and GetLogs answer with `compress`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import lz4.block
import zstandard

from sink.local.sls.errors import SlsError


def decompress(compress_type: str, body: bytes, raw_size: int) -> bytes:
    """Give back the `raw_size` bytes that were compressed.

    Raises `SlsError`: InvalidCompressType, PostBodyUncompressError.
    """
    read = _READERS.get(compress_type.lower())
    if read is None:
        raise SlsError(400, "InvalidCompressType", f"x-log-compresstype {compress_type} is unsupported.")
    try:
        raw = read(body, raw_size)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError, zlib.error) as error:
        raise _uncompress_error(str(error)) from error
    if len(raw) != raw_size:
        raise _uncompress_error(f"x-log-bodyrawsize is {raw_size}, the body holds more or less")
    return raw


def compress(compress_type: str, raw: bytes) -> bytes:
    """Compress an answer by one of COMPRESS_TYPES."""
    return _WRITERS[compress_type](raw)


def _uncompress_error(detail: str) -> SlsError:
    return SlsError(400, "PostBodyUncompressError", f"Failed to decompress logs: {detail}.")


def _read_lz4(body: bytes, raw_size: int) -> bytes:
    return bytes(lz4.block.decompress(body, uncompressed_size=raw_size))


def _read_zstd(body: bytes, raw_size: int) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(body).read(raw_size + 1)


def _read_deflate(body: bytes, raw_size: int) -> bytes:
    return zlib.decompressobj().decompress(body, raw_size + 1)


def _write_lz4(raw: bytes) -> bytes:
    return bytes(lz4.block.compress(raw, store_size=False))


_READERS: dict[str, Callable[[bytes, int], bytes]] = {
    "lz4": _read_lz4,
    "zstd": _read_zstd,
    "deflate": _read_deflate,
}
_WRITERS: dict[str, Callable[[bytes], bytes]] = {
    "lz4": _write_lz4,
    "zstd": zstandard.compress,
    "deflate": zlib.compress,
}
COMPRESS_TYPES = tuple(_WRITERS)
