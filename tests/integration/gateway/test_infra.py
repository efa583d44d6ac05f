"""Clusters, nodes, infras, offers and costs, from what their owners say."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.gateway.gateway_world import GatewayWorld, until
from tradewind.common.bus.edges import Endpoint, serve
from tradewind.common.contracts.allocation import (
    AllocationGranted,
    AllocationLevel,
    AllocationPhase,
    AllocationReleased,
    ClaimClosed,
    ClaimLevel,
    ClaimOpened,
    ClaimPhase,
    CloseClaim,
    Seat,
)
from tradewind.common.contracts.job import JobPhase
from tradewind.common.contracts.node import (
    ClusterLevel,
    ClusterPhase,
    ClusterTerminated,
    ClusterUp,
    InfraLevel,
    InfraSurveyed,
    NodeLevel,
    NodePhase,
    NodeReady,
    NodeTerminated,
)
from tradewind.common.contracts.placement import (
    Candidate,
    PlacementInfeasible,
    PlacementLevel,
    PlacementPhase,
    RankedOffers,
    RankOffers,
)
from tradewind.common.contracts.values import Place, Retention, Room, Shape, Share

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Place(infra="aws", region="r1", instance_type="m", room=Room(cpus=4, memory_gib=16), price_usd_h=3.6)
BASE: dict[str, Any] = {"workspace": "default", "version": 1}


def claim(id: str, name: str | None, phase: ClaimPhase = ClaimPhase.OPEN, *, version: int = 1) -> ClaimLevel:
    return ClaimLevel(
        id=id,
        workspace="default",
        version=version,
        phase=phase,
        generation=1,
        shape=Shape(),
        count=2,
        retention=Retention.NAMED,
        name=name,
        opened_at=WHEN,
    )


def cluster(claim: str, phase: ClusterPhase, *, version: int = 1) -> ClusterLevel:
    return ClusterLevel(
        id=f"{claim}-cluster",
        workspace="default",
        version=version,
        phase=phase,
        claim=claim,
        generation=1,
        name="dev",
        retention=Retention.NAMED,
        count=2,
        place=PLACE,
    )


def node(id: str, phase: NodePhase = NodePhase.READY, *, version: int = 1, **more: Any) -> NodeLevel:
    return NodeLevel(
        id=id,
        workspace="default",
        version=version,
        phase=phase,
        cluster="c1-cluster",
        claim="c1",
        place=PLACE,
        instance=f"i-{id}",
        address="127.0.1.1",
        room=PLACE.room,
        launched_at=WHEN,
        **more,
    )


async def test_a_cluster_from_wish_to_end(world: GatewayWorld) -> None:
    await world.say(ClaimOpened.of(claim("c1", "dev")))
    shown = await world.shown("/v1/clusters/dev", phase="seeking")
    assert (shown["id"], shown["claim"], shown["nodes"], shown["retention"]) == ("c1", "open", [], "named")

    infeasible = PlacementLevel(
        **BASE, id="c1", phase=PlacementPhase.INFEASIBLE, generation=1, round=1, count=2, shape=Shape(),
        why="no infra is enabled",
    )  # fmt: skip
    await world.say(PlacementInfeasible.of(infeasible))
    await world.shown("/v1/clusters/dev", reason="no infra is enabled")

    await world.say(
        ClusterUp.of(cluster("c1", ClusterPhase.UP)),
        NodeReady.of(node("n1")),
        NodeTerminated.of(node("n2", NodePhase.TERMINATED, cost_usd=0.5, ended_at=WHEN)),
    )
    await world.shown("/v1/clusters/c1", phase="up", hourly_usd=3.6, cost_usd=0.5)
    (listed,) = (await world.http.get("/v1/clusters")).json()["clusters"]
    assert [one["id"] for one in listed["nodes"]] == ["n1"]
    assert [one["id"] for one in (await world.http.get("/v1/nodes?cluster=dev")).json()["nodes"]] == ["n1"]
    assert {one["id"] for one in (await world.http.get("/v1/nodes?all=true")).json()["nodes"]} == {"n1", "n2"}
    assert (await world.http.get("/v1/nodes?cluster=other")).json()["nodes"] == []

    answer = await world.http.post("/v1/clusters/dev/down")
    assert (answer.status_code, answer.json()) == (202, {"id": "c1", "name": "dev", "phase": "up"})
    (command,) = await world.commands()
    assert isinstance(command, CloseClaim)
    assert command.id == "c1"

    await world.say(
        ClaimClosed.of(claim("c1", "dev", ClaimPhase.CLOSED, version=2)),
        ClusterTerminated.of(cluster("c1", ClusterPhase.TERMINATED, version=2)),
    )
    await world.shown("/v1/clusters/dev", phase="terminated")
    assert (await world.http.get("/v1/clusters")).json()["clusters"] == []
    assert len((await world.http.get("/v1/clusters?all=true")).json()["clusters"]) == 1
    # The name is free again, and means the living one.
    await world.say(ClaimOpened.of(claim("c9", "dev")))
    await world.shown("/v1/clusters/dev", id="c9")


async def test_infra(world: GatewayWorld) -> None:
    level = InfraLevel(id="local", workspace="default", version=1, enabled=True, why="")
    await world.say(InfraSurveyed.of(level))

    async def infra() -> list[dict[str, Any]]:
        return (await world.http.get("/v1/infra")).json()["infra"]

    async def is_there() -> bool:
        return bool(await infra())

    await until(is_there, what="no infra is shown")
    told = await infra()
    assert {name: told[0][name] for name in ("name", "enabled", "why", "offers")} == {
        "name": "local", "enabled": True, "why": "", "offers": [],
    }  # fmt: skip


async def test_what_a_job_cost(world: GatewayWorld) -> None:
    told = await world.submit()
    seat = Seat(
        rank=0, node="n1", address="127.0.1.1", cluster="c1-cluster", infra="aws", share=Share(cpus=1)
    )
    granted = AllocationLevel(
        **BASE, id=told["id"], attempt=1, phase=AllocationPhase.GRANTED, claim="c1", seats=(seat,)
    )
    await world.say(NodeReady.of(node("n1")), AllocationGranted.of(granted))
    await world.say(
        AllocationReleased.of(granted.but(phase=AllocationPhase.RELEASED, version=2)),
        after_s=timedelta(hours=2).total_seconds(),
    )
    await world.tell(told["id"], JobPhase.SUCCEEDED, version=5)
    job = await world.shown(told["ref"], phase="succeeded")
    cost = (await world.http.get(f"/v1/costs{told['ref'].removeprefix('/v1')}")).json()
    assert cost["cost_usd"] == job["cost_usd"] == pytest.approx(2 * 3.6 / 4, rel=1e-3)
    (seat_cost,) = cost["seats"]
    assert (seat_cost["share"], seat_cost["price_usd_h"], seat_cost["node"]) == (0.25, 3.6, "n1")


async def test_offers(world: GatewayWorld) -> None:
    refused = await world.http.post("/v1/offers", json={"shape": {}})
    assert refused.status_code == 503  # nobody answers

    async def rank(question: RankOffers) -> RankedOffers:
        candidate = Candidate(place=PLACE, enabled=False, hourly_usd=PLACE.price_usd_h * question.count)
        return RankedOffers(candidates=(candidate,), considered=7)

    optimizer = asyncio.create_task(
        serve([Endpoint(RankOffers, rank)], service="optimizer", nats_url=world.nats.url("optimizer"))
    )

    async def offers() -> httpx.Response:
        return await world.http.post("/v1/offers", json={"shape": {"cpus": 2}, "count": 2})

    async def answers() -> bool:
        return (await offers()).status_code == 200

    try:
        await until(answers, what="the optimizer does not answer")
        told = (await offers()).json()
        assert (told["considered"], told["candidates"][0]["hourly_usd"]) == (7, 7.2)
    finally:
        optimizer.cancel()
        await asyncio.gather(optimizer, return_exceptions=True)
