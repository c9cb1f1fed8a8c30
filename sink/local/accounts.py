"""Whose keys the embedded cloud takes, and which account each belongs to.

An account's queues and projects are invisible to every other account. `Accounts.default()` knows
the pair that documents and `config.ini` use, `local` / `local-secret`; more come from
`sink local --account ACCOUNT:KEY:SECRET[:TOKEN]`. A key with a token is an STS credential: the token must
come with every request, and the key is refused once `expires_at` has passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_ACCOUNT_ID = "1000000000000001"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair, or with `security_token` an STS credential."""

    account_id: str
    key_id: str
    secret: str
    security_token: str | None = None
    expires_at: float | None = None
    """Seconds since the epoch; None for a key that does not expire."""


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
        return cls([AccessKey(DEFAULT_ACCOUNT_ID, "local", "local-secret")])

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
