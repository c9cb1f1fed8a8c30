"""Whose keys are used: one provider that fits the SDKs of MNS, SLS and the rest alike.

The embedded cloud takes the pair of its own. Everything else comes from Alibaba Cloud's usual chain
(environment, OIDC, `~/.aliyun/config.json`, ECS RAM role, …), asked anew by the SDKs for each request and for
requests of our own each minute, so that a token that runs out is replaced while the sink runs. No key ever
stands in `config.ini`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from sink.errors import Denied

_HELD_SECONDS = 60.0


class Keys(Protocol):
    """A key pair, with a token where it is a temporary one."""

    def get_access_key_id(self) -> str:
        """The AccessKey id."""

    def get_access_key_secret(self) -> str:
        """The AccessKey secret."""

    def get_security_token(self) -> str:
        """The STS token, or "" for a lasting key."""


class Provider(Protocol):
    """What every SDK of Alibaba Cloud takes as `credentials_provider`."""

    def get_credentials(self) -> Keys:
        """The keys that are good now."""


@dataclass(frozen=True, slots=True, repr=False)
class StaticKeys:
    """Keys that are known. Never shown: `repr` hides them."""

    key_id: str
    secret: str
    token: str = ""

    def get_access_key_id(self) -> str:
        """The AccessKey id."""
        return self.key_id

    def get_access_key_secret(self) -> str:
        """The AccessKey secret."""
        return self.secret

    def get_security_token(self) -> str:
        """The STS token, or ""."""
        return self.token

    def get_credentials(self) -> Keys:
        """These keys."""
        return self


class DefaultChain:
    """Alibaba Cloud's default credential chain (package `alibabacloud-credentials`)."""

    def __init__(self) -> None:
        # Read here and not at import: the package reads the environment when it is imported.
        from alibabacloud_credentials.provider.default import DefaultCredentialsProvider

        self._chain = DefaultCredentialsProvider()

    def get_credentials(self) -> Keys:
        """The first keys that the chain finds. Raises Denied where it finds none."""
        try:
            found = self._chain.get_credentials()
        except Exception as error:  # the chain raises whatever its links happen to
            raise Denied(
                "The default credential chain",
                "NoCredentials",
                f"no link of it gave keys: {error}",
                "Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, "
                "or give the machine a RAM role",
            ) from error
        # The MNS SDK compares the token with "" and breaks on None.
        return StaticKeys(
            found.get_access_key_id(), found.get_access_key_secret(), found.get_security_token() or ""
        )


class HeldKeys:
    """A provider's keys for an event loop: asked for in a thread, since a chain may ask a server, and held.

    The chain replaces a token many minutes before it expires, so keys of the last minute are good.
    """

    def __init__(self, provider: Provider, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._keys: Keys | None = None
        self._asked_at = 0.0

    async def get(self) -> Keys:
        """The keys. Raises what the provider raises."""
        now = self._clock()
        if self._keys is None or now - self._asked_at >= _HELD_SECONDS:
            self._keys = await asyncio.to_thread(self._provider.get_credentials)
            self._asked_at = now
        return self._keys

    def judged(self) -> Self:
        """Around the reading of an answer: after Denied they are asked for anew the next time."""
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Denied):
            self._keys = None


LOCAL_KEYS = StaticKeys("local", "local-secret")
"""What the embedded cloud takes unless it was told otherwise."""
