"""What the outside world lets an account do: stock, prices, quota, balance.

All is well until somebody says otherwise by `PUT /_local/market`; ECS asks it before it starts or launches
anything, and the fleet's rates know nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sink.local.fleet.scene import Scene

ORIGIN_PRICE = 0.5
"""Pay-as-you-go price of an hour of any type; the model only needs that spot is cheaper."""
SPOT_PRICE = 0.12


@dataclass(frozen=True)
class Market:
    """Stock, prices, quota and balance of one account."""

    out_of_stock: tuple[str, ...] = ()
    """Instance types that cannot be launched, nor started where their resources were given back."""
    spot_prices: dict[str, float] = field(default_factory=dict)
    """Price of an hour by instance type, where it is not `SPOT_PRICE`."""
    instance_quota: int | None = None
    """How many instances the account may have."""
    insufficient_balance: bool = False

    def spot_price(self, instance_type: str) -> float:
        """The price of an hour of a preemptible instance."""
        return self.spot_prices.get(instance_type, SPOT_PRICE)


def market_of(scene: Scene) -> Market:
    """The market as it is now."""
    return scene.state.shelf(Market).find("") or Market()
