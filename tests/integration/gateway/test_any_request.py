"""Whatever is sent, by somebody who has read the description or not: no answer is a fault of ours."""

import asyncio
import contextlib
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode

from tests.integration.gateway.gateway_world import TOKEN, GatewayWorld
from tradewind.common.bus.edges import Endpoint, serve
from tradewind.common.contracts.placement import RankedOffers, RankOffers
from tradewind.provisioner.app import mock_endpoints
from tradewind.provisioner.infra.mock.by_hand import ByHand

EXAMPLES = 12
"""Of each operation: of what fits its description, and as many of what does not."""


async def test_no_request_is_answered_by_a_fault(shared_world: GatewayWorld) -> None:
    world = shared_world

    async def rank(question: RankOffers) -> RankedOffers:
        return RankedOffers(candidates=(), considered=0, why_none="there are none")

    told = await world.submit()
    description = (await world.http.get("/v1/openapi.json")).json()
    optimizer = asyncio.create_task(
        serve([Endpoint(RankOffers, rank)], service="optimizer", nats_url=world.nats.url("optimizer"))
    )
    provisioner = asyncio.create_task(
        serve(mock_endpoints(ByHand([])), service="provisioner", nats_url=world.nats.url("provisioner"))
    )
    try:
        asked = await asyncio.to_thread(ask_everything, description, str(world.http.base_url))
    finally:
        optimizer.cancel()
        provisioner.cancel()
        await asyncio.gather(optimizer, provisioner, return_exceptions=True)
    assert len(asked) >= 23
    assert {status // 100 for statuses in asked.values() for status in statuses} == {2, 4}
    assert (await world.http.get(told["ref"])).status_code == 200


def ask_everything(description: dict[str, Any], url: str) -> dict[str, set[int]]:
    """By operation, with which statuses it answered."""
    schema = schemathesis.openapi.from_dict(description)
    results = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr] # ours has no errors
    operations: list[APIOperation] = results
    return {
        operation.label: {status for mode in GenerationMode for status in ask_often(operation, mode, url)}
        for operation in operations
    }


def ask_often(operation: APIOperation, mode: GenerationMode, url: str) -> set[int]:
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        if "follow" in (case.query or {}):
            case.query["follow"] = "false"  # else it would not end
        answer = case.call(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
        statuses.add(answer.status_code)
        assert answer.status_code < 500, (answer.status_code, answer.text, case.as_curl_command())

    with contextlib.suppress(Unsatisfiable):  # what takes nothing cannot be given the wrong thing
        ask()
    return statuses
