"""Which fields of the logstore are searchable, and how their words are told apart.

Every field of the public schema is indexed, so that it can be searched and used in SQL. The `:` is no
delimiter in names and ids: `kind:"Instance:StateChange"` finds that kind, and not what only holds its words.
"""

from __future__ import annotations

from typing import Any

_WORDS = list(", '\";=()[]{}?@&<>/:\n\t\r")
"""SLS's default delimiters: for prose and JSON."""
_NAMES = list(", '\";=()[]{}?@&<>\n\t\r")
"""Without `/` and `:`: for what is one word to whoever searches it."""

_TEXTS = (
    "schema_version event_key event_id product name kind status state level region_id account_id "
    "resource_arn resource_type resource_id instance_id instance_name instance_type zone_id event_time "
    "envelope mns_queue mns_message_id sink_id action_id module mode snapshot_id spot_strategy charge_type "
    "complete"
).split()
_PROSE = ("body", "reason", "tags", "steps")
_NUMBERS = (
    "event_time_ms received_at_ms dequeue_count attempt started_at_ms finished_at_ms notice_ms "
    "creation_time_ms budget_used_ms spot_duration observed_at_ms"
).split()


def index_config() -> dict[str, Any]:
    """The body of CreateIndex (SLS API reference)."""
    return {
        "line": {"token": _WORDS, "caseSensitive": False, "chn": True},
        "keys": {
            **{name: _text(_NAMES) for name in _TEXTS},
            **{name: _text(_WORDS) for name in _PROSE},
            **{name: {"type": "long", "doc_value": True} for name in _NUMBERS},
            "content": {
                "type": "json",
                "token": _WORDS,
                "caseSensitive": False,
                "chn": True,
                "doc_value": True,
                "index_all": True,
                "max_depth": 3,
            },
        },
    }


def _text(token: list[str]) -> dict[str, Any]:
    return {"type": "text", "token": token, "caseSensitive": False, "chn": True, "doc_value": True}
