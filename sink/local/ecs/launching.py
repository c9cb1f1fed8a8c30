"""RunInstances: new instances, as many as asked for, with the tags and terms of spot that are asked for.

Launch templates are not emulated. Images, security groups and vSwitches are taken as given: they have to
look like ids, not to exist. `ClientToken` is `PopService`'s business.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sink.local.ecs.orders import no_stock
from sink.local.ecs.regions import required_region
from sink.local.ecs.tags import given_tags
from sink.local.fleet.instances import Instance, State, new_address, new_id
from sink.local.fleet.lifecycle import boot
from sink.local.fleet.market import Market, market_of
from sink.local.fleet.scene import Scene
from sink.local.pop.call import Call, Document
from sink.local.pop.errors import PopError, invalid_parameter, not_emulated

MOST_INSTANCES = 100
SPOT_STRATEGIES = ("NoSpot", "SpotWithPriceLimit", "SpotAsPriceGo")


def run_instances(call: Call) -> Document:
    """RunInstances."""
    if call.text("LaunchTemplateId") or call.text("LaunchTemplateName"):
        text = "The specified launch template does not exist: the embedded cloud has none."
        raise PopError(404, "InvalidLaunchTemplate.NotFound", text)
    amount = call.number("Amount", 1, range(1, MOST_INSTANCES + 1))
    model = _model(call)
    _check_market(call.scene, model, amount)
    launched = [_launch(call.scene, model, _name(call, number)) for number in range(1, amount + 1)]
    return {"InstanceIdSets": {"InstanceIdSet": [one.instance_id for one in launched]}}


def _model(call: Call) -> Instance:
    """The instance that is wanted, without what is its own."""
    region_id = required_region(call)
    if region_id != call.scene.envelope.region_id:
        raise not_emulated(f"RunInstances outside {call.scene.envelope.region_id}")
    instance_type = call.required("InstanceType")
    if not instance_type.startswith("ecs."):
        raise PopError(403, "InvalidInstanceType.ValueNotSupported", f"{instance_type} is no instance type.")
    return Instance(
        instance_id="",
        instance_name="",
        instance_type=instance_type,
        zone_id=call.text("ZoneId", f"{region_id}-h"),
        private_ip_address="",
        creation_time=call.scene.now,
        disk_id="",
        network_interface_id="",
        state=State.CREATED,
        tags=given_tags(call),
        image_id=call.required("ImageId"),
        description=call.text("Description"),
        vswitch_id=call.required("VSwitchId"),
        security_group_ids=tuple(call.listed("SecurityGroupIds")) or (call.required("SecurityGroupId"),),
        deletion_protection=call.flag("DeletionProtection"),
        **_spot(call),
    )


def _spot(call: Call) -> dict[str, Any]:
    strategy = call.text("SpotStrategy", "NoSpot")
    if strategy not in SPOT_STRATEGIES:
        raise invalid_parameter("SpotStrategy", f"{strategy} is none of {', '.join(SPOT_STRATEGIES)}")
    try:
        limit = float(call.text("SpotPriceLimit", "0"))
    except ValueError as error:
        raise invalid_parameter("SpotPriceLimit", "it is no number") from error
    return {
        "spot_strategy": strategy,
        "spot_price_limit": limit,
        "spot_duration": call.number("SpotDuration", 1, range(7)) if strategy != "NoSpot" else 0,
        "spot_interruption_behavior": call.text("SpotInterruptionBehavior", "Terminate"),
    }


def _check_market(scene: Scene, model: Instance, amount: int) -> None:
    market = market_of(scene)
    if market.insufficient_balance:
        text = "Your account does not have enough balance."
        raise PopError(400, "InvalidAccountStatus.NotEnoughBalance", text)
    if model.instance_type in market.out_of_stock:
        raise no_stock()
    _check_price(market, model)
    if market.instance_quota is not None and len(scene.state.instances) + amount > market.instance_quota:
        text = f"The account may have {market.instance_quota} instances."
        raise PopError(403, "QuotaExceed.ElasticQuota", text)


def _check_price(market: Market, model: Instance) -> None:
    limited = model.spot_strategy == "SpotWithPriceLimit"
    if limited and model.spot_price_limit < market.spot_price(model.instance_type):
        text = "The specified SpotPriceLimit can not be lower than the current market price."
        raise PopError(403, "InvalidSpotPriceLimit.LowerThanPublicPrice", text)


def _launch(scene: Scene, model: Instance, name: str) -> Instance:
    instance = replace(
        model,
        instance_id=new_id("i", scene.random),
        instance_name=name,
        private_ip_address=new_address(scene.random),
        disk_id=new_id("d", scene.random),
        network_interface_id=new_id("eni", scene.random),
    )
    if not name:
        instance = replace(instance, instance_name=f"iZ{instance.instance_id.removeprefix('i-')}Z")
    scene.appear(instance)
    boot(scene, instance)
    return instance


def _name(call: Call, number: int) -> str:
    name = call.text("InstanceName")
    return f"{name}{number:03}" if name and call.flag("UniqueSuffix") else name
