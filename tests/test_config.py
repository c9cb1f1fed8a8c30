"""config.ini is taken whole or refused with every fault."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sink.action import find_actions
from sink.cli.settings import read_settings
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
    settings = read_settings(ROOT / "config.ini", {})

    assert settings.local.enabled
    assert list(settings.action) == ["restart", "slb_removal"]


def test_the_shipped_file_shows_every_key() -> None:
    """config.ini is the complete reference: of all keys, and of no others."""
    text = (ROOT / "config.ini").read_text(encoding="utf-8")
    shown: set[tuple[str, str]] = set()
    for part in re.split(r"^\[", text, flags=re.MULTILINE)[1:]:
        section, _, body = part.partition("]")
        shown |= {(section, key) for key in re.findall(r"^(?:# )?([a-z_]+) =", body, flags=re.MULTILINE)}

    declared = {
        (section, key)
        for section, field in Settings.model_fields.items()
        if section != "action"
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    }
    declared |= {
        (f"action.{name}", key)
        for name, action in find_actions(["restart", "slb_removal"]).items()
        for key in action.Options.model_fields
    }
    assert shown == declared


def test_the_shipped_file_shows_the_defaults(tmp_path: Path) -> None:
    """What stands behind a "#" is what holds without it."""
    text = (ROOT / "config.ini").read_text(encoding="utf-8")
    text, _, endpoints = text.partition("[endpoints]")
    text += endpoints[endpoints.index("[local]") :]
    spoken = re.sub(r"^# ((?!endpoint|id|url)[a-z_]+ =)", r"\1", text, flags=re.MULTILINE)

    assert read_settings(write(tmp_path, spoken), {}) == read_settings(write(tmp_path, text), {})


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


ACTING = REAL + "[actions]\nenabled = restart, slb_removal\n"


def acting_faults(tmp_path: Path, more: str, environment: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read_settings(write(tmp_path, ACTING + more), environment or {})
    return caught.value.faults


def test_an_action_has_its_own_options_and_what_it_overrides(tmp_path: Path) -> None:
    """[action.NAME] over [actions] and [guard], and the environment over all."""
    text = ACTING + "mode = shadow\n[guard]\nmax_actions = 7\ntag = mine\n"
    text += "[action.restart]\nmode = live\nmax_actions = 9\nmax_attempts = 2\n"

    settings = read_settings(write(tmp_path, text), {"SINK__ACTION__RESTART__STAYS_SECONDS": "5"})

    restart, removal = settings.action["restart"], settings.action["slb_removal"]
    assert (restart.mode, restart.limits.max_actions, restart.limits.tag) == ("live", 9, "mine")
    assert (restart.options.max_attempts, restart.options.stays_seconds) == (2, 5)
    assert (removal.mode, removal.limits.max_actions) == ("shadow", 7)


def test_every_fault_of_actions_is_told_with_the_others(tmp_path: Path) -> None:
    """Of their sections, of the names, of the guard, in one go."""
    more = "[action.restart]\nmax_atempts = 3\nmode = off\n[action.away]\nx = 1\n[guard]\nmax_actions = 0\n"

    assert acting_faults(tmp_path, more) == (
        "[guard] max_actions = 0: must be greater than or equal to 1",
        "[action.restart] max_atempts: there is no such key. Did you mean max_attempts?",
        "[action.restart] mode = off: must be 'live' or 'shadow'",
        "[action.away]: has no effect: away is not among [actions] enabled. Known are restart, slb_removal",
    )


def test_products_are_those_that_a_region_has(tmp_path: Path) -> None:
    """All by default; of those that there are, and not none: nothing would ever be found."""
    assert read_settings(write(tmp_path, ACTING), {}).actions.products == ("clb", "alb", "nlb")
    some = read_settings(write(tmp_path, ACTING + "products = clb, alb\n"), {})

    assert some.actions.products == ("clb", "alb")
    assert acting_faults(tmp_path, "products = clb, elb\n") == (
        "[actions] products = clb, elb: must be 'clb', 'alb' or 'nlb'",
    )
    (none,) = acting_faults(tmp_path, "products =\n[action.restart]\nmax_attempts = 2\n")
    assert none.startswith("[actions] products = : ")


def test_an_unknown_action_names_the_known_ones(tmp_path: Path) -> None:
    """A misspelt name would else switch nothing on."""
    with pytest.raises(ConfigError) as caught:
        read_settings(write(tmp_path, REAL + "[actions]\nenabled = restrat\n"), {})

    assert caught.value.faults == (
        "[actions] enabled: there is no action restrat. Known are restart, slb_removal",
    )


def test_a_password_belongs_into_the_environment(tmp_path: Path) -> None:
    """config.ini is copied about and committed."""
    url = "postgresql+psycopg://sink:secret@db/ledger"
    (fault,) = acting_faults(tmp_path, f"[ledger]\nurl = {url}\n")
    assert "SINK__LEDGER__URL" in fault
    assert "secret" not in fault

    settings = read_settings(write(tmp_path, ACTING), {"SINK__LEDGER__URL": url})
    assert settings.ledger.url == url


def test_what_only_actions_read_is_a_fault_without_any(tmp_path: Path) -> None:
    """Who limits actions believes that they are on."""
    assert faults(write(tmp_path, REAL + "[guard]\nmax_actions = 3\n[ledger]\nurl = sqlite:///x\n")) == (
        "[guard] max_actions: has no effect while [actions] enabled names none. Remove it",
        "[ledger] url: has no effect while [actions] enabled names none. Remove it",
    )


def test_files_of_actions_lie_beside_the_configuration(tmp_path: Path) -> None:
    """The ledger beside config.ini, or among the embedded cloud's data; the kill switch beside it."""
    settings = read_settings(write(tmp_path, ACTING), {})
    assert settings.ledger.url == f"sqlite:///{tmp_path}/ledger.sqlite3"
    assert settings.guard.kill_switch == tmp_path / "STOP-ACTIONS"

    embedded = read_settings(write(tmp_path, "[local]\nenabled = yes\n[actions]\nenabled = restart\n"), {})
    assert embedded.ledger.url == f"sqlite:///{tmp_path}/data/ledger.sqlite3"
