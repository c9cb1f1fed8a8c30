"""How often things happen to the fleet, and how long they take.

All that chance needs to know stands here, each with its unit as the end of its name. The figures
make a lively account: an instance meets something every twenty minutes or so, a good deal more
often than in most real ones, because a newcomer should see every kind of event within a day.
`at_speed` turns the whole table faster, which is all that acceleration is: the fleet itself
always lives on the true clock, so that its events' times are true.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Rates:
    """Frequencies `…_per_hour` are for each instance they can happen to; durations are means."""

    spot_interruptions_per_hour: float = 0.3
    stops_per_hour: float = 0.1
    reboots_per_hour: float = 0.2
    releases_per_hour: float = 0.005
    guest_shutdowns_per_hour: float = 0.05
    """The guest goes down by itself: Stopped, and nothing says why."""
    arrears_per_hour: float = 0.005
    guest_failures_per_hour: float = 0.02
    host_failures_per_hour: float = 0.02
    redeploys_per_hour: float = 0.02
    """A failed host below an instance with local disks."""
    maintenances_per_hour: float = 0.03
    performance_impacts_per_hour: float = 0.02
    alerts_per_hour: float = 0.01
    tpm_alerts_per_hour: float = 0.005
    stalled_disks_per_hour: float = 0.02
    disk_errors_per_hour: float = 0.02
    disk_operations_per_hour: float = 0.4
    disk_conversions_per_hour: float = 0.01
    snapshots_per_hour: float = 0.6
    burstable_restrictions_per_hour: float = 0.2
    performance_mode_changes_per_hour: float = 0.1
    migrations_per_hour: float = 0.02
    vswitch_changes_per_hour: float = 0.05
    """Only of stopped instances: no other may change its vSwitch."""
    network_interface_operations_per_hour: float = 0.2
    private_ip_assignments_per_hour: float = 0.2

    notice_seconds: float = 300.0
    """From an interruption notice to the reclaim, exactly: Alibaba Cloud's five minutes."""
    spot_hour_seconds: float = 3600.0
    """The hour in which `SpotDuration`, the protection of a new preemptible instance, is counted."""
    maintenance_lead_seconds: float = 24 * 3600.0
    """From a maintenance's announcement to its `notBefore`."""
    failed_creation_seconds: float = 300.0
    start_seconds: float = 5.0
    boot_seconds: float = 30.0
    stop_seconds: float = 15.0
    release_seconds: float = 10.0
    stopped_seconds: float = 2 * 3600.0
    """How long an owner leaves a stopped instance, or a lock, before something is done."""
    repair_seconds: float = 120.0
    payment_seconds: float = 15 * 24 * 3600.0
    """How long after arrears an unpaid instance is released."""
    restriction_seconds: float = 3600.0
    """A burstable instance's restriction is told once in so long, while it lasts."""
    configuring_seconds: float = 1.0
    """How long a balancer is busy with an edit, and refuses others."""
    draining_seconds: float = 20.0
    """In which the connections of a backend of weight 0 fall to a third, time and again."""
    leaving_seconds: float = 60.0
    """From an instance's release until its balancers have noticed."""
    joining_seconds: float = 10.0
    """From a new instance's first boot until it serves behind its balancers."""
    scaling_seconds: float = 60.0
    """How often auto scaling compares what there is with what it wants."""
    day_seconds: float = 24 * 3600.0
    """The rhythm of demand."""

    def per_hour(self, chance: str) -> float:
        """The frequency of one chance, by its name without the unit."""
        frequency: float = getattr(self, f"{chance}_per_hour")
        return frequency

    def at_speed(self, speed: float) -> Rates:
        """Return the rates of a life `speed` times as fast. Raises ValueError unless speed > 0."""
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        return Rates(**{one.name: self._faster(one.name, speed) for one in fields(self)})

    def _faster(self, name: str, speed: float) -> float:
        value: float = getattr(self, name)
        return value * speed if name.endswith("_per_hour") else value / speed


LIVELY = Rates()
"""The rates a fleet has when nobody says otherwise."""
