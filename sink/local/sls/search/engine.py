"""The search engine of a data directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from ..logs import StoredLog
from .config import IndexConfig
from .queries import Bucket, LogAnswer, LogQuery

__all__ = ["Bucket", "LogAnswer", "LogQuery", "SearchEngine"]


class SearchEngine:
    """Indexed logs of every logstore, in one DuckDB file.

    Safe to call from several threads at once. What `append` returned from is there after a kill -9.
    """

    def __init__(self, path: Path) -> None:
        raise NotImplementedError

    def __enter__(self) -> SearchEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write the database back and release the file."""
        raise NotImplementedError

    def define(self, store_id: int, config: IndexConfig | None) -> None:
        """Create, change or (None) delete the index of a logstore; logs appended earlier stay as indexed."""
        raise NotImplementedError

    def append(self, store_id: int, logs: Sequence[StoredLog], position: int) -> None:
        """Index `logs` and remember `position`, in one transaction."""
        raise NotImplementedError

    def position(self, store_id: int) -> int:
        """The position that came with the last append; 0 before the first."""
        raise NotImplementedError

    def expire(self, store_id: int, before: int) -> None:
        """Forget the logs older than `before`, in seconds since the epoch."""
        raise NotImplementedError

    def drop(self, store_id: int) -> None:
        """Forget a logstore: logs, index and position."""
        raise NotImplementedError

    def get_logs(self, store_id: int, query: LogQuery) -> LogAnswer:
        """Answer GetLogs. Raises SlsError, as the vendor would."""
        raise NotImplementedError

    def histogram(
        self, store_id: int, from_: int, to: int, query: str = "", topic: str | None = None
    ) -> list[Bucket]:
        """Answer GetHistograms: buckets that cover [`from_`, `to`). Raises SlsError; SQL is refused."""
        raise NotImplementedError
