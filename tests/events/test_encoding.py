"""Fields as bytes, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.events.encoding import contents, decoded, head, short_heads


@given(st.dictionaries(st.text("abc_", min_size=1), st.text() | st.just("\ud800"), max_size=8))
def test_fields_come_back(fields: dict[str, str]) -> None:
    """All but empty ones; half a surrogate pair becomes `?`."""
    whole = {key: text.encode(errors="replace").decode() for key, text in fields.items()}

    assert decoded(contents(fields)) == {key: text for key, text in whole.items() if text}


@pytest.mark.parametrize("size", [1, 127, 128, 4095, 4096, 4097, 16384, 65536])
def test_a_value_of_any_size_comes_back(size: int) -> None:
    """Its length is written in one to three bytes."""
    fields = {"key": "x" * size, "other": "end"}

    assert decoded(contents(fields)) == fields


@pytest.mark.parametrize("key", ["key", "a_rather_long_key"])
def test_short_heads_are_the_heads_as_far_as_characters_are_bytes(key: str) -> None:
    """One character more, and a length would need two bytes."""
    heads = short_heads(key)

    assert [text.encode() for text in heads] == [head(key.encode(), size) for size in range(len(heads))]
    assert not head(key.encode(), len(heads)).isascii()


def test_what_is_kept_does_not_grow_with_what_is_sent() -> None:
    """Bodies are of sixty thousand sizes, and a sink runs for months."""
    for size in range(0, 65536, 3):
        head(b"body", size)

    assert head.cache_info().currsize <= 1 << 14
