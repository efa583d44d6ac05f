"""The scripted clouds over HTTP: a gateway, the bus, and the provisioner's answers to it."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.gateway.gateway_world import GatewayWorld, until
from tests.unit.provisioner.mock.scripted import order, place, script
from tradewind.common.bus.edges import serve
from tradewind.common.contracts.node_file import NodeCredentials
from tradewind.provisioner.app import mock_endpoints
from tradewind.provisioner.infra.driver import Admission
from tradewind.provisioner.infra.mock.by_hand import ByHand
from tradewind.provisioner.infra.mock.driver import MockDriver

NODES = ("aaaa-1", "aabb-2", "cccc-3")


async def answering(world: GatewayWorld, by_hand: ByHand) -> AsyncGenerator[GatewayWorld]:
    provisioner = asyncio.create_task(
        serve(mock_endpoints(by_hand), service="provisioner", nats_url=world.nats.url("provisioner"))
    )

    async def answers() -> bool:
        return (await world.http.get("/v1/mock")).status_code != 503

    await until(answers, what="the provisioner does not answer")
    yield world
    provisioner.cancel()
    await asyncio.gather(provisioner, return_exceptions=True)


@pytest.fixture
async def clouds(world: GatewayWorld, tmp_path: Path) -> AsyncGenerator[GatewayWorld]:
    """One scripted cloud with three machines, which never boot: two in us-a, one in eu-a."""
    capacity = "capacity: [{zone: us-a, spot: true, steps: [{at: 0s, nodes: 4}]}]\nnotice: 30s"
    infra, cloud = next(iter(script(capacity).by_infra().items()))
    driver = MockDriver(infra, cloud, home=tmp_path / "provisioner")
    admissions = {node: Admission("nats://h:1", NodeCredentials(user="u", password="p")) for node in NODES}
    where = driver.cloud
    await driver.launch(order(place(where, spot=True), *NODES[:2]), token="t1", admissions=admissions)
    await driver.launch(order(place(where, "eu-a"), NODES[2]), token="t2", admissions=admissions)
    async for one in answering(world, ByHand([driver])):
        yield one


async def post(world: GatewayWorld, verb: str, **body: Any) -> httpx.Response:
    return await world.http.post(f"/v1/mock/{verb}", json=body)


async def test_what_runs_and_what_there_is(clouds: GatewayWorld) -> None:
    (cloud,) = (await clouds.http.get("/v1/mock")).json()["clouds"]
    assert [machine["node"] for machine in cloud["machines"]] == list(NODES)
    assert cloud["limits"] == [{"what": "us-a spot", "nodes": 4, "in_use": 2}]
    assert (cloud["infra"], cloud["machines_ever"], cloud["outages"]) == ("mock", 3, [])
    assert cloud["machines"][0]["place"]["on_demand_usd_h"] == 0.36


async def test_a_machine_is_taken_away(clouds: GatewayWorld) -> None:
    told = (await post(clouds, "reclaim", node="aab", notice_s=60)).json()
    assert told["did"] == ["aabb-2"]
    reclaim_at = {one["node"]: one["reclaim_at"] is not None for one in told["clouds"][0]["machines"]}
    assert reclaim_at == {"aaaa-1": False, "aabb-2": True, "cccc-3": False}


async def test_a_zone_fails_and_is_healed(clouds: GatewayWorld) -> None:
    told = (await post(clouds, "fail", where="us-a", lasts_s=300)).json()
    assert told["did"] == ["aaaa-1", "aabb-2"]
    (outage,) = told["clouds"][0]["outages"]
    assert outage["where"] == "us-a"
    assert outage["until"] is not None
    assert (await post(clouds, "heal")).json()["did"] == ["us-a"]
    assert (await post(clouds, "fail", where="mock/eu")).json()["did"] == ["cccc-3"]
    assert (await post(clouds, "fail", where="mock")).json()["did"] == []
    assert (await post(clouds, "heal", where="mock")).json()["did"] == ["mock"]


@pytest.mark.parametrize(
    ("verb", "body", "status", "said"),
    [
        ("reclaim", {"node": "aa"}, 404, "'aa' may be aaaa-1 or aabb-2: write more of it"),
        (
            "reclaim",
            {"node": "aaaa-2"},
            404,
            "no machine 'aaaa-2' of the scripted clouds is running: what runs is aaaa-1, aabb-2 and cccc-3",
        ),
        ("reclaim", {"node": ""}, 422, "node: "),
        ("reclaim", {"node": "aab", "notice": 5}, 422, "notice"),
        ("reclaim", {"node": "aab", "notice_s": -1}, 422, "notice_s: "),
        (
            "fail",
            {"where": "us-c"},
            404,
            "'us-c' is no zone, region or infra of the scripted clouds: did you mean",
        ),
        ("fail", {"where": "mock/nowhere"}, 404, "'mock/nowhere' is no zone"),
        ("fail", {"where": "us-a", "lasts_s": 0}, 422, "lasts_s: 0 is no time at all: write more, as in 300"),
        ("heal", {"where": "us-c"}, 404, "did you mean `us-"),
    ],
)
async def test_what_cannot_be_done_is_said(
    clouds: GatewayWorld, verb: str, body: dict[str, Any], status: int, said: str
) -> None:
    refused = await post(clouds, verb, **body)
    assert refused.status_code == status
    assert said in refused.json()["detail"]


async def test_where_there_are_no_scripted_clouds(world: GatewayWorld) -> None:
    async for answered in answering(world, ByHand([])):
        for verb, body in (("reclaim", {"node": "a"}), ("fail", {"where": "a"}), ("heal", {})):
            refused = await post(answered, verb, **body)
            assert refused.status_code == 409
            assert refused.json()["detail"].startswith(
                "no scripted cloud is on: name its script with `tw config set"
            )
