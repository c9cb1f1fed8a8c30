"""A process whose files may grow no more for a while. `test_database` starts it, and reads what it prints."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

import pytest

from sink.errors import LedgerError
from sink.ledger import Ledger
from tests.ledger.conftest import claimed


async def main(url: str) -> None:
    """Write an order, one that fails for want of room, and one after room was made; print what is there."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        await ledger.intend(claim, "before")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        largest = max(path.stat().st_size for path in Path(url.removeprefix("sqlite:///")).parent.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
        with pytest.raises(LedgerError, match=r"failed: .*\. (Make room|See that the file)"):
            await ledger.intend(claim, "meanwhile " + "long " * 20_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await ledger.intend(claim, "after")
        print(list((await claimed(ledger)).orders))  # noqa: T201 - its answer


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
