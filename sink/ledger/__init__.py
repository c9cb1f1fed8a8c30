"""The durable ledger of actions: what was meant to be done is in it before it is done, what came of it after.

    async with Ledger.open("sqlite:///data/ledger.db", "sink-1") as ledger:
        claimed = await ledger.claim(new)

One SQLite file by default, PostgreSQL for several sinks. The ledger knows no policy and no cloud: runs, the
orders given in them, admissions, circuits, all of it JSON. `dispatch` is its only user.

`ledger.py` is the surface and the promise; `writer.py` joins what waits into one transaction;
`database.py` makes two databases one, transactions and errors alike; `tables.py` is what is kept,
`prepared.py` how it is asked; `runs.py`, `admissions.py` and `circuits.py` are the operations, each a
function of a transaction; `lease.py` says whose runs are whose; `values.py` what goes in and out.
"""

from sink.ledger.ledger import Ledger
from sink.ledger.values import Admitted, Circuit, Claim, Closed, EarlierRun, Held, NewRun, Standing, Use

__all__ = [
    "Admitted",
    "Circuit",
    "Claim",
    "Closed",
    "EarlierRun",
    "Held",
    "Ledger",
    "NewRun",
    "Standing",
    "Use",
]
