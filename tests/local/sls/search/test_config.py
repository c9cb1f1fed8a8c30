"""A faulty index is refused when it is made, and a good one comes back as it was given."""

from __future__ import annotations

from typing import Any

import pytest

from sink.local.sls.errors import SlsError
from sink.local.sls.search.config import IndexConfig
from tests.local.sls.search.conftest import INDEX, text


def refused(document: dict[str, Any]) -> SlsError:
    with pytest.raises(SlsError) as fault:
        IndexConfig.from_json(document)
    return fault.value


def test_an_index_is_shown_as_it_was_given() -> None:
    """GetIndex returns what CreateIndex brought, unknown settings too."""
    document = {**INDEX, "log_reduce": False, "ttl": 7}
    assert IndexConfig.from_json(document).to_json() == document


def test_what_is_shown_is_a_copy() -> None:
    """Changing the answer changes no index."""
    config = IndexConfig.from_json(INDEX)
    config.to_json()["keys"].clear()
    assert config.to_json() == INDEX


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": {}},
        {"keys": ["name"]},
        {"keys": {"name": {"type": "text"}}},
        {"keys": {"name": {"type": "text", "token": ","}}},
        {"keys": {"name": {"type": "text", "token": ["::"]}}},
        {"keys": {"name": {"type": "string", "token": [","]}}},
        {"keys": {"name": text(caseSensitive="no")}},
        {"keys": {"name": "text"}},
        {"keys": {"content": {"type": "json", "token": [], "json_keys": {"a": {"type": "json"}}}}},
        {"keys": {"content": {"type": "json", "token": [], "json_keys": {"a": "long"}}}},
        {"keys": {"content": {"type": "json", "token": [], "max_depth": "deep"}}},
        {"line": {"caseSensitive": True}},
        {"keys": {"name": text(), "other": text(alias="name")}},
        {"keys": {"name": text()}, "max_text_len": 63},
        {"keys": {"name": text()}, "max_text_len": 16385},
    ],
)
def test_a_faulty_index_is_refused(document: dict[str, Any]) -> None:
    """400 IndexInfoInvalid [doc CreateIndex]."""
    fault = refused(document)
    assert (fault.status, fault.code) == (400, "IndexInfoInvalid")


def test_a_refusal_names_the_key() -> None:
    """The vendor's text, and which key it is about."""
    message = refused({"keys": {"region": {"type": "text"}}}).message
    assert message.startswith("Required field token is lacking or of error format: key (region)")


@pytest.mark.parametrize("document", [{"line": {"token": []}}, {"keys": {"count": {"type": "long"}}}])
def test_full_text_or_keys_alone_are_enough(document: dict[str, Any]) -> None:
    """An index has line, or keys, or both; numbers need no delimiters, and text may have none."""
    assert IndexConfig.from_json(document).to_json() == document


def test_a_key_is_found_by_name_alias_and_path() -> None:
    """`content.state` is a leaf that has settings, `content.other` one of index_all, as text."""
    config = IndexConfig.from_json(INDEX)
    names = ["name", "event_name", "content.state", "content.disk.size", "content.other"]
    kinds = [key.type for name in names if (key := config.find(name))]
    assert kinds == ["text", "text", "text", "long", "text"]


@pytest.mark.parametrize("name", ["Name", "content.a.b.c", "nothing", "name.x"])
def test_what_is_not_indexed_is_not_found(name: str) -> None:
    """Keys differ by case, index_all ends at max_depth, and only json keys have leaves."""
    assert IndexConfig.from_json(INDEX).find(name) is None


def test_sql_sees_keys_with_doc_value_alone() -> None:
    """Leaves of json keys among them, keys without doc_value not."""
    names = [key.name for key in IndexConfig.from_json(INDEX).analysed()]
    assert ("secret" in names, "content.disk.size" in names) == (False, True)


def test_automatic_keys_are_text_for_sql() -> None:
    """`auto_text_keys` of line take the delimiters of the full text index [sdk index_config.py]."""
    config = IndexConfig.from_json({"line": {"token": ["/"], "auto_text_keys": ["host"]}})
    key = config.keys["host"]
    assert (key.type, key.doc_value, key.tokens.delimiters) == ("text", True, ("/",))
