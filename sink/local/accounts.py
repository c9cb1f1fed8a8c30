"""Whose keys the embedded cloud takes, and which account each belongs to.

An account's queues and projects are invisible to every other account. `Accounts.default()` knows
the pair that documents and `config.ini` use, `local` / `local-secret`; more come from
`sink local --account ACCOUNT:KEY:SECRET[:TOKEN]`. A key with a token is an STS credential: the token must
come with every request, and the key is refused once `expires_at` has passed. What a key may do can be
limited by a RAM policy, `sink local --policy KEY=FILE.json`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sink.local.ram.policy import Policy

DEFAULT_ACCOUNT_ID = "1000000000000001"
REGION_ID = "cn-hangzhou"
"""Where everything here is."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair, or with `security_token` an STS credential."""

    account_id: str
    key_id: str
    secret: str
    security_token: str | None = None
    expires_at: float | None = None
    """Seconds since the epoch; None for a key that does not expire."""
    policy: Policy | None = None
    """What RAM lets the key do; without one, everything."""

    def may(self, action: str, resource: str) -> bool:
        """Tell whether RAM allows an action, `mns:SendMessage`, on a resource of the account, `/queues/q`."""
        arn = f"acs:{action.partition(':')[0]}:{REGION_ID}:{self.account_id}:{resource}"
        return self.policy is None or self.policy.allows(action, arn)


DEFAULT_KEY = AccessKey(DEFAULT_ACCOUNT_ID, "local", "local-secret")
"""The key of a newcomer, which is no secret."""


class Accounts:
    """The keys that are good here, by key id.

    >>> Accounts([parse_account("42:me:hush")]).find("me").account_id
    '42'
    """

    def __init__(self, keys: Iterable[AccessKey]) -> None:
        self._keys = {key.key_id: key for key in keys}

    @classmethod
    def default(cls) -> Accounts:
        """The one account that a newcomer starts with."""
        return cls([DEFAULT_KEY])

    def find(self, key_id: str) -> AccessKey | None:
        """The key of this id, or None."""
        return self._keys.get(key_id)


def parse_account(text: str) -> AccessKey:
    """Read `ACCOUNT:KEY:SECRET[:TOKEN]`. Raises ValueError that shows the form expected."""
    parts = text.split(":", 3)
    if len(parts) < 3 or not all(parts) or not parts[0].isdigit():
        raise ValueError(f"{text!r} is not ACCOUNT:KEY:SECRET[:TOKEN] with a numeric account")
    account_id, key_id, secret, *token = parts
    return AccessKey(account_id, key_id, secret, token[0] if token else None)
