"""The products of POP RPC that the embedded cloud emulates."""

from __future__ import annotations

from sink.local.ecs.product import ECS

PRODUCTS = (ECS,)
