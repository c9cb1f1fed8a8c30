"""A record's fields as SLS takes them: the `Contents` of a protobuf `Log`, written byte by byte.

    LogGroup { repeated Log Logs = 1; string Topic = 3; string Source = 4 }
    Log      { uint32 Time = 1; repeated Content Contents = 2 }
    Content  { string Key = 1; string Value = 2 }                   (SLS API reference, "Data encoding")

The protobuf package makes an object of each field first, which costs as much as all the rest of an event's
way. `event.py` and `record.py` encode what is stored, `stores.encoding` joins logs to groups; the tests read
both back with the official SDK's classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache


@lru_cache(maxsize=1 << 14)
def varint(number: int) -> bytes:
    """Protobuf's integer, 0 and above.

    >>> varint(300).hex()
    'ac02'
    """
    if number < 0x80:
        return number.to_bytes(1, "little")
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


@lru_cache(maxsize=1 << 14)
def head(key: bytes, size: int) -> bytes:
    """What stands before a key's value of so many bytes; nothing before none, which is left out."""
    if not size:
        return b""
    inner = b"\x0a" + varint(len(key)) + key + b"\x12" + varint(size)
    return b"\x12" + varint(len(inner) + size) + inner


def short_heads(key: str) -> Sequence[str]:
    """The key's heads by the value's length, as text, and as far as they are ASCII."""
    return [head(key.encode(), size).decode() for size in range(124 - len(key))]


def contents(fields: Mapping[str, str]) -> bytes:
    """Fields of a log, in their order, but for empty ones. Half a surrogate pair becomes `?`."""
    parts: list[bytes] = []
    for key, text in fields.items():
        value = text.encode(errors="replace")
        parts += (head(key.encode(), len(value)), value)
    return b"".join(parts)


def decoded(encoded: bytes) -> dict[str, str]:
    """The fields that `contents` encoded.

    >>> decoded(contents({"a": "bc", "d": "", "e": "f"}))
    {'a': 'bc', 'e': 'f'}
    """
    fields, at = {}, 0
    while at < len(encoded):
        _, at = _length(encoded, at + 1)
        key, at = _text(encoded, at + 1)
        fields[key], at = _text(encoded, at + 1)
    return fields


def _text(encoded: bytes, at: int) -> tuple[str, int]:
    size, at = _length(encoded, at)
    return encoded[at : at + size].decode(), at + size


def _length(encoded: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = encoded[at]
        number, shift, at = number | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return number, at
