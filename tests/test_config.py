"""config.ini is taken whole or refused with every fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sink.config import Settings, load_settings
from sink.errors import ConfigError

ROOT = Path(__file__).parent.parent
REAL = "[mns]\nendpoint = https://1.mns.cn-hangzhou.aliyuncs.com\n[sls]\nendpoint = https://cn-hangzhou.log.aliyuncs.com\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.ini"
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path, environment: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environment or {})
    return caught.value.faults


def test_the_shipped_file_runs_on_the_embedded_cloud() -> None:
    """A first run can hurt nobody."""
    assert load_settings(ROOT / "config.ini", {}).local.enabled


def test_the_shipped_file_shows_every_key() -> None:
    """config.ini is the complete reference: of all keys, and of no others."""
    text = (ROOT / "config.ini").read_text(encoding="utf-8")
    shown: set[tuple[str, str]] = set()
    for part in re.split(r"^\[", text, flags=re.MULTILINE)[1:]:
        section, _, body = part.partition("]")
        shown |= {(section, key) for key in re.findall(r"^(?:# )?([a-z_]+) = ", body, flags=re.MULTILINE)}

    declared = {
        (section, key)
        for section, field in Settings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    }
    assert shown == declared


def test_the_shipped_file_shows_the_defaults(tmp_path: Path) -> None:
    """What stands behind a "#" is what holds without it."""
    text = (ROOT / "config.ini").read_text(encoding="utf-8")
    spoken = re.sub(r"^# ((?!endpoint|id)[a-z_]+ = )", r"\1", text, flags=re.MULTILINE)

    assert load_settings(write(tmp_path, spoken), {}) == load_settings(write(tmp_path, text), {})


def test_all_faults_are_reported_together(tmp_path: Path) -> None:
    """An operator mends a file once, not once per fault."""
    path = write(
        tmp_path, "[sink]\nregion = moon\nstop_secnds = 3\n[mns]\nreceivers = many\n[slss]\nproject = x\n"
    )

    assert faults(path) == (
        "[sink] region = moon: must be a region id like cn-hangzhou",
        "[sink] stop_secnds: there is no such key. Did you mean stop_seconds?",
        "[mns] receivers = many: must be a valid integer, unable to parse string as an integer",
        "[slss]: there is no such section. Did you mean sls?",
    )


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """SINK__SECTION__KEY overrides what differs between machines."""
    path = write(tmp_path, REAL)

    settings = load_settings(path, {"SINK__MNS__QUEUES": "urgent, rest", "PATH": "/bin"})

    assert settings.mns.queues == ("urgent", "rest")


def test_an_unknown_override_is_a_fault(tmp_path: Path) -> None:
    """A misspelt variable must not be silently without effect."""
    assert faults(write(tmp_path, REAL), {"SINK__MNS__QUEUE": "x"}) == (
        "[mns] queue: there is no such key. Did you mean queues?",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "http://1.mns.cn-hangzhou.aliyuncs.com",
            "must be https: plain http is taken for loopback addresses only",
        ),
        ("https://host/path", "must be a URL like https://HOST or https://HOST:PORT, without a path"),
        ("ftp://host", "must be a URL like https://HOST or https://HOST:PORT, without a path"),
    ],
)
def test_an_endpoint_that_would_leak_or_fail_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    """Events and signatures leave the machine over TLS or not at all."""
    path = write(
        tmp_path, f"[mns]\nendpoint = {text}\n[sls]\nendpoint = https://cn-hangzhou.log.aliyuncs.com\n"
    )

    assert faults(path) == (f"[mns] endpoint = {text}: {expected}",)


@pytest.mark.parametrize(
    "text", ["http://127.0.0.1:80", "http://localhost:1", "http://[::1]:9", "https://host:8443"]
)
def test_loopback_may_be_plain_and_ports_are_taken(tmp_path: Path, text: str) -> None:
    """The embedded cloud speaks plain http; a proxy of one's own may stand anywhere."""
    path = write(
        tmp_path, f"[mns]\nendpoint = {text}\n[sls]\nendpoint = https://cn-hangzhou.log.aliyuncs.com\n"
    )

    assert load_settings(path, {}).mns.endpoint == text


def test_settings_without_effect_are_faults(tmp_path: Path) -> None:
    """An endpoint beside the embedded cloud would be read by nobody."""
    assert faults(write(tmp_path, "[local]\nenabled = yes\n" + REAL)) == (
        "[mns] endpoint = https://1.mns.cn-hangzhou.aliyuncs.com: has no effect while [local] enabled = yes. "
        "Remove one of them",
        "[sls] endpoint = https://cn-hangzhou.log.aliyuncs.com: has no effect while [local] enabled = yes. "
        "Remove one of them",
    )
    assert faults(write(tmp_path, REAL + "[local]\nport = 80\n")) == (
        "[local] port: has no effect while [local] enabled = no. Remove it",
    )


def test_missing_endpoints_say_what_to_do(tmp_path: Path) -> None:
    """The one thing that has no default is where the cloud is."""
    assert faults(write(tmp_path, "")) == (
        "[mns] endpoint: is missing. Set it, or [local] enabled = yes to try the sink without a cloud",
        "[sls] endpoint: is missing. Set it, or [local] enabled = yes to try the sink without a cloud",
    )


@pytest.mark.parametrize(
    "text", ["[local]\nenabled=no\n[local]\n", "key = 1\n", "[x\n", "[mns]\njust words\n"]
)
def test_a_file_that_is_no_ini_is_one_fault(tmp_path: Path, text: str) -> None:
    """What cannot be read is not checked further."""
    assert len(faults(write(tmp_path, text))) == 1


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    """The path stands in the error."""
    assert faults(tmp_path / "none.ini")[0].startswith(f"{tmp_path / 'none.ini'}: there is no such file")
    (tmp_path / "bin.ini").write_bytes(b"\xff\xfe\x00")
    assert faults(tmp_path / "bin.ini")[0].startswith(f"{tmp_path / 'bin.ini'}: cannot be read")


def test_data_lies_beside_the_file(tmp_path: Path) -> None:
    """A relative folder does not depend on where the command was called."""
    assert load_settings(write(tmp_path, "[local]\nenabled = yes\n"), {}).local.data == tmp_path / "data"
