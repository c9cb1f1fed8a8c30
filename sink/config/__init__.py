"""config.ini and the environment become `Settings`: whole, checked and frozen, or every fault at once.

`load_settings` is called by `cli` before anything starts. `sections.py` is the reference of what can be set,
`loading.py` reads the file, lays `SINK__SECTION__KEY` of the environment over it, and tells every fault.

A key that is unknown, and a setting that could have no effect, is a fault: what an operator wrote
and nobody reads is worse than an error.
"""

from sink.config.loading import load_settings, without_password
from sink.config.sections import ActionSettings, EndpointsSection, GuardSection, Limits, Mode, Settings

__all__ = [
    "ActionSettings",
    "EndpointsSection",
    "GuardSection",
    "Limits",
    "Mode",
    "Settings",
    "load_settings",
    "without_password",
]
