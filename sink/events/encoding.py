"""A record's fields as SLS takes them: the `Contents` of a protobuf `Log`, written byte by byte.

    LogGroup { repeated Log Logs = 1; string Topic = 3; string Source = 4 }
    Log      { uint32 Time = 1; repeated Content Contents = 2 }
    Content  { string Key = 1; string Value = 2 }                   (SLS API reference, "Data encoding")

The protobuf package makes an object of each field first, which costs as much as all the rest of an event's
way. `record.py` encodes what an event says, `stores.encoding` joins logs to groups; the tests read both back
with the official SDK's classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import getitem

_LARGEST_KEPT = 4096
"""The largest value whose head is kept: more would be memory that grows with what is sent."""


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


class Encoder:
    """Encodes texts under the same keys, again and again.

    >>> Encoder("a", "b").encode(["bc", ""])
    b'\\x12\\x07\\n\\x01a\\x12\\x02bc'
    """

    def __init__(self, *keys: str) -> None:
        self._heads = [_Heads(key) for key in keys]

    def encode(self, texts: Sequence[str], *before: bytes) -> bytes:
        """A text for each key, behind what is encoded already. An empty one is left out."""
        values = _utf8(texts)
        parts = [b""] * (2 * len(values))
        parts[::2] = map(getitem, self._heads, map(len, values))
        parts[1::2] = values
        return b"".join([*before, *parts])


def contents(fields: Mapping[str, str]) -> bytes:
    """Fields of a log, in their order, but for empty ones."""
    return Encoder(*fields).encode(list(fields.values()))


class _Heads(dict[int, bytes]):
    """What stands before a key's value of so many bytes; before none, nothing. Usual sizes are kept."""

    def __init__(self, key: str) -> None:
        super().__init__({0: b""})
        self._key = key.encode()

    def __missing__(self, size: int) -> bytes:
        inner = b"\x0a" + varint(len(self._key)) + self._key + b"\x12" + varint(size)
        head = b"\x12" + varint(len(inner) + size) + inner
        if size <= _LARGEST_KEPT:
            self[size] = head
        return head


def _utf8(texts: Sequence[str]) -> list[bytes]:
    """The texts' bytes. Half a surrogate pair has none, and becomes `?`."""
    try:
        return list(map(str.encode, texts))
    except UnicodeEncodeError:
        return [text.encode(errors="replace") for text in texts]


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
