"""What happens to the instances of a fleet: the truth.

`simulate` calls `live`. Each instance draws a habit (steady, stopped by its user, rebooted, flapping) and an
end: its zone and type are reclaimed at a rate of their own, never in the protected first hour; now and then
most of a zone and type goes at once; users release some; the rest live on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from random import Random

_SECOND, _MINUTE, _HOUR = 1000, 60_000, 3_600_000

Step = tuple[int, str]
"""When (ms), and the state entered; Notice is no state, but comes in the same order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet is made of. Times in ms since 1970 UTC."""

    instances: int
    start_ms: int = 1_795_276_800_000
    """When the record begins: 2026-11-22 00:00 in UTC+8."""
    hours: int = 72
    """How long it lasts."""
    hours_before: int = 12
    """So much earlier the first instances were created: they enter late."""
    region_id: str = "cn-beijing"
    zones: tuple[str, ...] = ("cn-beijing-h", "cn-beijing-k")
    types: tuple[str, ...] = ("ecs.g7.large", "ecs.c7.xlarge", "ecs.r7.2xlarge")
    reclaim_hours: float = 30.0
    """Mean hours to the reclaim in the first zone; each further zone and type is reclaimed less."""
    release_hours: float = 40.0
    """Mean hours to the release by a user."""
    mass_reclaims: int = 2

    @property
    def end_ms(self) -> int:
        """When the record ends."""
        return self.start_ms + self.hours * _HOUR


@dataclass(frozen=True, slots=True)
class Life:
    """One instance: its steps in order, from creation to Deleted or the end of the record."""

    instance_id: str
    region_id: str
    zone_id: str
    instance_type: str
    steps: tuple[Step, ...]
    died_ms: int | None
    fate: str
    """interrupted, released or alive."""

    @property
    def born_ms(self) -> int:
        """Creation, ms."""
        return self.steps[0][0]


def live(plan: Plan, chance: Random) -> Iterator[Life]:
    """Let every instance of the plan live that the record could see."""
    waves = _mass_reclaims(plan, chance)
    made = 0
    while made < plan.instances:
        life = _one_life(plan, chance, waves)
        if life.died_ms is None or life.died_ms >= plan.start_ms:
            yield life
            made += 1


def stays_of(life: Life, until: int) -> list[tuple[str, int, int]]:
    """State, start and end of each stay, ms; what lasts longer is cut at `until`."""
    states = [step for step in life.steps if step[1] != "Notice"]
    stays = [(state, start, end) for (start, state), (end, _) in pairwise(states)]
    last_ms, last = states[-1]
    return stays if last == "Deleted" else [*stays, (last, last_ms, until)]


def _mass_reclaims(plan: Plan, chance: Random) -> list[tuple[str, str, int]]:
    """Zone, type and time of each."""
    pools = chance.choices(list(product(plan.zones, plan.types)), k=plan.mass_reclaims)
    return [(*pool, chance.randrange(plan.start_ms + _HOUR, plan.end_ms)) for pool in pools]


def _one_life(plan: Plan, chance: Random, waves: list[tuple[str, str, int]]) -> Life:
    zone, kind = chance.choice(plan.zones), chance.choice(plan.types)
    born = chance.randrange(plan.start_ms - plan.hours_before * _HOUR, plan.end_ms)
    fate, end = _fate(plan, chance, born, (zone, kind), waves)
    steps = [*_first_steps(chance, born)]
    steps += [step for step in _habit(chance, steps[-1][0]) if step[0] < min(end, plan.end_ms)]
    if fate == "interrupted":
        steps.append((end - 5 * _MINUTE, "Notice"))
    if fate == "released" and chance.random() < 0.5:
        steps += [(end - 20 * _SECOND, "Stopping"), (end - 5 * _SECOND, "Stopped")]
    steps.append((end, "Deleted"))
    kept = _possible(sorted(step for step in steps if step[0] <= plan.end_ms))
    died = end if end <= plan.end_ms else None
    name = f"i-2ze{chance.getrandbits(80):020x}"
    return Life(name, plan.region_id, zone, kind, kept, died, fate if died else "alive")


def _fate(
    plan: Plan, chance: Random, born: int, pool: tuple[str, str], waves: list[tuple[str, str, int]]
) -> tuple[str, int]:
    """How the life ends and when, which may be after the record."""
    ease = 1 + plan.zones.index(pool[0]) + 0.5 * plan.types.index(pool[1])
    reclaimed = born + _HOUR + int(chance.expovariate(1 / (plan.reclaim_hours * ease * _HOUR)))
    released = born + 2 * _MINUTE + int(chance.expovariate(1 / (plan.release_hours * _HOUR)))
    for *place, time in waves:
        if tuple(place) == pool and born + _HOUR < time < reclaimed and chance.random() < 0.7:
            reclaimed = time + chance.randrange(90 * _SECOND)
    return ("interrupted", reclaimed) if reclaimed < released else ("released", released)


def _first_steps(chance: Random, born: int) -> Iterator[Step]:
    starting = born + chance.randrange(5 * _SECOND, 20 * _SECOND)
    yield born, "Pending"
    yield starting, "Starting"
    yield starting + chance.randrange(10 * _SECOND, 40 * _SECOND), "Running"


def _habit(chance: Random, running: int) -> Iterator[Step]:
    """Stops and starts after the first Running, by the habit that is drawn."""
    draw = chance.random()
    if draw < 0.05:
        return _stops(chance, running, chance.randrange(3, 9), 5 * _MINUTE, _MINUTE, ("Stopped",))
    if draw < 0.15:
        return _stops(chance, running, 1, 12 * _HOUR, 15 * _SECOND, ("Stopping",))
    if draw < 0.35:
        return _stops(chance, running, chance.randrange(1, 4), 8 * _HOUR, _HOUR, ("Stopping", "Stopped"))
    return iter(())


def _stops(
    chance: Random, time: int, times: int, up_ms: int, down_ms: int, path: tuple[str, ...]
) -> Iterator[Step]:
    for _ in range(times):
        time += _MINUTE + int(chance.expovariate(1 / up_ms))
        for state in path:
            yield time, state
            time += 10 * _SECOND
        time += int(chance.expovariate(1 / down_ms))
        yield time, "Starting"
        time += chance.randrange(10 * _SECOND, 40 * _SECOND)
        yield time, "Running"


def _possible(steps: list[Step]) -> tuple[Step, ...]:
    """Leave out what a user's release repeats: Stopping while it is stopped already."""
    kept: list[Step] = []
    for step in steps:
        state = next((name for _, name in reversed(kept) if name != "Notice"), "")
        if step[1] not in ("Stopping", "Stopped") or state not in ("Stopped", step[1]):
            kept.append(step)
    return tuple(kept)
