"""Clusters, nodes, infras and offers."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from tradewind.common.bus.asking import Declined, ask
from tradewind.common.contracts.allocation import CloseClaim
from tradewind.common.contracts.base import Value
from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.contracts.placement import Candidate, RankedOffers, RankOffers
from tradewind.common.contracts.values import Shape
from tradewind.common.runtime.ids import new_uuid7
from tradewind.gateway.domain.cluster_views import Cluster, ClusterDown, ClusterList, NodeList
from tradewind.gateway.domain.submission import SOURCE
from tradewind.gateway.http.bodies import check_body
from tradewind.gateway.http.parameters import DEFAULT_WORKSPACE, ClusterReference, InWorkspace, traceparent_of
from tradewind.gateway.http.problems import Refused, answers, not_found
from tradewind.gateway.infra_reads import Infra
from tradewind.gateway.parts import Parts

Ended = Annotated[bool, Query(alias="all", description="Those that ended, too.")]


class InfraList(Value):
    infra: tuple[Infra, ...]
    observed_at: datetime


class OffersRequest(Value, defer_build=False):
    """A demand: `count` nodes of a shape."""

    shape: Shape = Shape()
    count: int = Field(default=1, ge=1, le=10_000)
    limit: int = Field(default=20, ge=1, le=500)


class Offers(Value):
    """The cheapest offer of each instance type and infra, best first."""

    candidates: tuple[Candidate, ...]
    considered: int = Field(description="How many offers there were.")
    why_none: str


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["infra"])

    @router.get("/v1/clusters", responses=answers())
    async def clusters(ended: Ended = False, workspace: InWorkspace = DEFAULT_WORKSPACE) -> ClusterList:
        """Named clusters, and those that exist for jobs that wait or run."""
        found = await parts.infra.clusters(workspace=workspace, ended=ended)
        return ClusterList(clusters=tuple(found), observed_at=parts.projector.complete_until())

    @router.get("/v1/clusters/{cluster}", responses=answers(HTTPStatus.NOT_FOUND))
    async def show(cluster: ClusterReference, workspace: InWorkspace = DEFAULT_WORKSPACE) -> Cluster:
        """One cluster, with all nodes that it ever had."""
        return await _cluster(parts, cluster, workspace=workspace)

    @router.post(
        "/v1/clusters/{cluster}/down",
        status_code=HTTPStatus.ACCEPTED,
        responses=answers(HTTPStatus.NOT_FOUND),
    )
    async def down(
        cluster: ClusterReference, request: Request, workspace: InWorkspace = DEFAULT_WORKSPACE
    ) -> ClusterDown:
        """Take a cluster down, with whatever runs on it."""
        found = await _cluster(parts, cluster, workspace=workspace)
        wish = Envelope(
            id=new_uuid7(),
            message=CloseClaim(id=found.id, workspace=workspace),
            source=SOURCE,
            time=parts.clock.now(),
            correlation=found.id,
            traceparent=traceparent_of(request),
        )
        await parts.bus.publish([encode(wish)])
        return ClusterDown(id=found.id, name=found.name, phase=found.phase)

    @router.get("/v1/nodes", responses=answers())
    async def nodes(
        ended: Ended = False,
        cluster: Annotated[
            str | None, Query(description="Of this cluster: its name or its claim's id.")
        ] = None,
        workspace: InWorkspace = DEFAULT_WORKSPACE,
    ) -> NodeList:
        """Machines."""
        found = await parts.infra.nodes(workspace=workspace, ended=ended, cluster=cluster)
        return NodeList(nodes=tuple(found), observed_at=parts.projector.complete_until())

    @router.get("/v1/infra", responses=answers())
    async def infra() -> InfraList:
        """The places that yield nodes, and whether this installation can use them."""
        found = await parts.infra.infra()
        return InfraList(infra=tuple(found), observed_at=parts.projector.complete_until())

    @router.post("/v1/offers", responses=answers(HTTPStatus.BAD_REQUEST))
    async def offers(body: OffersRequest, request: Request) -> Offers:
        """What a demand would cost, and where. Nothing is launched."""
        await check_body(request, body)
        question = RankOffers(shape=body.shape, count=body.count, limit=body.limit)
        try:
            answer = await ask(parts.connection, question, RankedOffers, source=SOURCE)
        except Declined as why:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(why)) from None
        return Offers(candidates=answer.candidates, considered=answer.considered, why_none=answer.why_none)

    return router


async def _cluster(parts: Parts, reference: str, *, workspace: str) -> Cluster:
    """Raises Refused (404)."""
    found = await parts.infra.clusters(workspace=workspace, ended=True, which=reference)
    if not found:
        raise not_found(f"there is no cluster {reference!r} in this workspace")
    return found[0]
