"""The groups of all balancers: CLB's of three kinds, and the server groups of ALB and NLB.

`clb.py` and `server_groups.py` read and edit the groups of a product, `edits.py` sees that edits of one
balancer do not meet. `Balancers` is what the rest asks; which product a group belongs to, the group says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from sink.action import Backend, Group, GroupState
from sink.action.cloud import Product
from sink.cloud.balancers.clb import ClassicBalancers
from sink.cloud.balancers.edits import Change, Edits
from sink.cloud.balancers.server_groups import ServerGroups
from sink.cloud.calls import Answer
from sink.cloud.gate import Gate
from sink.cloud.turn import Turn

__all__ = ["Balancers", "Change"]


class Balancers:
    """Reads and edits of groups, of whatever product."""

    def __init__(
        self,
        gate: Gate,
        took_effect: Callable[[Change, Group, Sequence[Backend], GroupState | None], None],
        *,
        pace: float,
        random: Random,
    ) -> None:
        self._products: dict[str, ClassicBalancers | ServerGroups] = {
            "clb": ClassicBalancers(gate),
            "alb": ServerGroups("alb", gate, pace=pace, random=random),
            "nlb": ServerGroups("nlb", gate, pace=pace, random=random),
        }
        self._edits = Edits(gate, self._products, took_effect, pace=pace)

    async def read(self, group: Group, turn: Turn) -> Answer[GroupState]:
        """A group as it is now."""
        return await self._products[group.product].read(group, turn)

    async def scan(self, product: Product, region_id: str, turn: Turn) -> list[GroupState]:
        """Every group of a product in a region, each as it was when its turn came."""
        return await self._products[product].scan(region_id, turn)

    async def order(
        self, change: Change, group: Group, backends: Sequence[Backend], turn: Turn
    ) -> Answer[None]:
        """Change servers of a group. Returns once the product has taken it."""
        return await self._edits.order(change, group, backends, turn)
