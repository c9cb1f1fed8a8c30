"""A log comes back as it was sent, and its indexed values have the type of the index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.local.sls.search.config import KeyIndex
from sink.local.sls.search.rows import indexed_value, joined, search_row, separated

fields = st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20) | st.sampled_from("\x1d\x1e\x1f")))


@given(fields)
def test_joined_fields_are_separated_again(pairs: list[tuple[str, str]]) -> None:
    """Any text, the marks of the store included, in its order."""
    assert list(separated(joined(pairs))) == pairs


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("long", "42", 42),
        ("long", "-7", -7),
        ("long", "4.2", None),
        ("long", "many", None),
        ("long", " 1", None),
        ("long", "1_000", None),
        ("long", "9223372036854775807", 2**63 - 1),
        ("long", "9223372036854775808", None),
        ("double", "1.5", 1.5),
        ("double", "1e3", 1000.0),
        ("double", "nan", None),
        ("double", "", None),
        ("text", "x", "x"),
        ("json", "{", "{"),
    ],
)
def test_a_value_has_the_type_of_its_key(type_: str, text: str, value: object) -> None:
    """What is no number of that type is not there [doc Data types]."""
    assert indexed_value(KeyIndex("k", type_), text, 100) == value


def test_a_text_is_cut_at_bytes_and_whole_characters() -> None:
    """`max_text_len` counts bytes; a cut character is left out."""
    assert indexed_value(KeyIndex("k", "text"), "中文字" * 30, 64) == "中文字" * 7


def test_a_row_shows_the_fixed_fields_and_the_contents_in_order() -> None:
    """`__time_ns_part__` only where the sender gave nanoseconds."""
    contents = joined([("__tag__:host", "web"), ("b", "2"), ("a", "1")])
    assert [list(search_row(5, ns, "t", "s", contents).items()) for ns in (None, 7)] == [
        [
            ("__source__", "s"),
            ("__time__", "5"),
            ("__topic__", "t"),
            *ns,
            ("__tag__:host", "web"),
            ("b", "2"),
            ("a", "1"),
        ]
        for ns in ([], [("__time_ns_part__", "7")])
    ]
