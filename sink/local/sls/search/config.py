"""Stub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class IndexConfig:
    """The index of a logstore, as CreateIndex and UpdateIndex give it."""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> IndexConfig:
        """Read and check the body of CreateIndex. Raises SlsError: 400 IndexInfoInvalid."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """The index as GetIndex shows it, without `lastModifyTime`, which the resource keeps."""
        raise NotImplementedError
