"""The products of POP RPC that the embedded cloud emulates."""

from __future__ import annotations

from sink.local.actiontrail.product import ACTIONTRAIL
from sink.local.alb.product import ALB
from sink.local.cms.product import CMS
from sink.local.ecs.product import ECS
from sink.local.ess.calls import ESS
from sink.local.nlb.product import NLB
from sink.local.slb.product import SLB

PRODUCTS = (ECS, SLB, ALB, NLB, ESS, CMS, ACTIONTRAIL)
