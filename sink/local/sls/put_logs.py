"""What PutLogs lets in: the body unpacked, parsed and checked, before anything is written.

A group is written whole or not at all, so one bad log refuses its neighbours too, as on the real
service ("PutLogs" of the API reference). Limits are the service's of 2025 where it has raised them
(10 MB a call, once 3 MB) and those of its 2021 documentation otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sink.local.sls.compression import decompress
from sink.local.sls.errors import SlsError, post_body_invalid
from sink.local.sls.protobuf import LogGroup, LogGroups


@dataclass(frozen=True, slots=True)
class PutLogsLimits:
    """How much, and how old: sizes in bytes, ages in seconds from receipt."""

    body_bytes: int = 10 * 1024 * 1024
    logs: int = 4096
    key_bytes: int = 128
    value_bytes: int = 1024 * 1024
    past_seconds: int = 168 * 3600
    future_seconds: int = 15 * 60


def read_log_group(
    headers: Mapping[str, str], body: bytes, log_groups: LogGroups, limits: PutLogsLimits, now: float
) -> tuple[bytes, int]:
    """Return the group as encoded protobuf and how many logs it holds. Raises `SlsError`."""
    raw = _unpack(headers, body, limits)
    group = log_groups.parse(raw)
    _check_group(group, limits, now)
    return raw, len(group.Logs)


def _unpack(headers: Mapping[str, str], body: bytes, limits: PutLogsLimits) -> bytes:
    content_type = headers.get("content-type")
    if not content_type:
        text = "Content-Type does not exist in http header when body is not empty."
        raise SlsError(400, "MissingContentType", text)
    if not content_type.startswith("application/x-protobuf"):
        raise SlsError(415, "InvalidContentType", f"Content-Type {content_type} is unsupported.")
    raw_size = _raw_size(headers, limits)
    compress_type = headers.get("x-log-compresstype", "")
    if compress_type:
        return decompress(compress_type, body, raw_size)
    if len(body) != raw_size:
        text = f"x-log-bodyrawsize is invalid: it is {raw_size}, the body has {len(body)} bytes."
        raise SlsError(400, "InvalidBodyRawSize", text)
    return body


def _raw_size(headers: Mapping[str, str], limits: PutLogsLimits) -> int:
    text = headers.get("x-log-bodyrawsize")
    if text is None:
        message = "x-log-bodyrawsize does not exist in header when it is necessary."
        raise SlsError(400, "MissingBodyRawSize", message)
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise SlsError(400, "InvalidBodyRawSize", f"x-log-bodyrawsize is invalid: {text}.")
    if int(text) > limits.body_bytes:
        raise _too_large(f"body size {text} must little than {limits.body_bytes}")
    return int(text)


def _check_group(group: LogGroup, limits: PutLogsLimits, now: float) -> None:
    if len(group.Logs) > limits.logs:
        raise _too_large(f"Logs must be less than or equal to {limits.logs} entries, not {len(group.Logs)}")
    # The protobuf library gives text that is not UTF-8 back as bytes.
    if isinstance(group.Topic, bytes) or isinstance(group.Source, bytes):
        raise _invalid_encoding()
    _check_pairs(group.LogTags, limits)
    earliest, latest = now - limits.past_seconds, now + limits.future_seconds
    for log in group.Logs:
        if not earliest <= log.Time <= latest:
            raise post_body_invalid(f"The post data time is out of range: {log.Time}, now is {now:.0f}.")
        if log.Time_ns > 999_999_999:
            text = f"Invalid timestamps are in logs: {log.Time_ns} nanoseconds."
            raise SlsError(400, "InvalidTimestamp", text)
        _check_pairs(log.Contents, limits)


def _check_pairs(pairs: LogGroup, limits: PutLogsLimits) -> None:
    # Most pairs are short whatever they are encoded to; a thousand calls a group are saved on them.
    short_key, short_value = limits.key_bytes // 4, limits.value_bytes // 4
    for pair in pairs:
        key, value = pair.Key, pair.Value
        if type(key) is not str or type(value) is not str:
            raise _invalid_encoding()
        if not 0 < len(key) <= short_key or len(value) > short_value:
            _check_sizes(key, value, limits)


def _check_sizes(key: str, value: str, limits: PutLogsLimits) -> None:
    if not key or len(key.encode()) > limits.key_bytes:
        raise SlsError(400, "InvalidKey", f"Invalid keys are in logs: {key[:200]!r}.")
    if len(value.encode()) > limits.value_bytes:
        raise _too_large(f"the value of {key} must be less than or equal to {limits.value_bytes} bytes")


def _invalid_encoding() -> SlsError:
    return SlsError(400, "InvalidEncoding", "Non-UTF8 characters are in logs.")


def _too_large(text: str) -> SlsError:
    return SlsError(400, "PostBodyTooLarge", f"{text}.")
