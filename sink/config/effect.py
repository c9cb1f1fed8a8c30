"""Settings that contradict each other, are missing, or that nobody would read."""

from __future__ import annotations

from sink.config.sections import Settings


def without_effect(settings: Settings) -> list[str]:
    """The faults between keys that are each good by themselves."""
    return (_beside_embedded(settings) if settings.local.enabled else _missing(settings)) + _idle(settings)


def _beside_embedded(settings: Settings) -> list[str]:
    """Endpoints of a real cloud, where the embedded one is used."""
    named = {"mns": settings.mns.endpoint, "sls": settings.sls.endpoint}
    given = [f"[{name}] endpoint = {endpoint}" for name, endpoint in named.items() if endpoint]
    given += [f"[endpoints] {name} = {endpoint}" for name, endpoint in settings.endpoints if endpoint]
    return [f"{one}: has no effect while [local] enabled = yes. Remove one of them" for one in given]


def _missing(settings: Settings) -> list[str]:
    """Where the cloud is, the one thing without a default; and what belongs to the embedded one."""
    named = {"mns": settings.mns.endpoint, "sls": settings.sls.endpoint}
    missing = [
        f"[{name}] endpoint: is missing. Set it, or [local] enabled = yes to try the sink without a cloud"
        for name, endpoint in named.items()
        if not endpoint
    ]
    idle = sorted(settings.local.model_fields_set - {"enabled"})
    return missing + [f"[local] {key}: has no effect while [local] enabled = no. Remove it" for key in idle]


def _idle(settings: Settings) -> list[str]:
    """What only actions read, while there are none."""
    if settings.actions.enabled:
        return []
    sections = {
        "actions": settings.actions,
        "guard": settings.guard,
        "ledger": settings.ledger,
        "endpoints": settings.endpoints,
    }
    return [
        f"[{name}] {key}: has no effect while [actions] enabled names none. Remove it"
        for name, section in sections.items()
        for key in sorted(section.model_fields_set - {"enabled"})
    ]
