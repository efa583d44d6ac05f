"""What a refusal speaks for: the walk skips exactly that, and nothing else."""

import pytest

from tests.unit.provisioner.given import CTX, cluster, launched, place, placement, state, told
from tests.unit.provisioner.world import SEED, World, surveyed
from tradewind.common.contracts.node import ClusterSeeking, InfraSurveyed
from tradewind.common.contracts.placement import NextRound
from tradewind.common.contracts.values import Failure, FailureKind, Place, Scope
from tradewind.common.reactor.decision import Decision
from tradewind.provisioner.contracts import Launched
from tradewind.provisioner.domain import cluster as rules
from tradewind.provisioner.domain.model import Cluster

TRIED = place("aws", "us", "us-a").but(spot=True)
GPU = TRIED.room.but(accelerator="A100", accelerator_count=8)
OTHERS: dict[str, Place] = {
    "cheaper by now": TRIED.but(price_usd_h=1.0),
    "larger": TRIED.but(instance_type="l"),
    "on demand": TRIED.but(spot=False),
    "with GPUs": TRIED.but(instance_type="gpu", room=GPU),
    "next zone": TRIED.but(zone="us-b"),
    "next zone, on demand": TRIED.but(zone="us-b", spot=False),
    "next region": TRIED.but(region="eu", zone="eu-a"),
    "next region, on demand": TRIED.but(region="eu", zone="eu-a", spot=False),
    "next infra": place("gcp", "us", "us-a").but(spot=True),
}
OFFER = {"cheaper by now"}
ZONE = {*OFFER, "larger", "on demand", "with GPUs"}
REGION = {*ZONE, "next zone", "next zone, on demand"}
INFRA = set(OTHERS) - {"next infra"}
SAME_QUOTA = set(OTHERS) - {"on demand", "next zone, on demand", "next region, on demand", "with GPUs"}


def refused(kind: FailureKind, scope: Scope) -> Failure:
    return Failure(kind=kind, scope=scope, message=f"{kind} of {scope}")


@pytest.mark.parametrize(
    ("scope", "skipped"),
    [(Scope.OFFER, OFFER), (Scope.ZONE, ZONE), (Scope.REGION, REGION), (Scope.INFRA, INFRA)],
)
@pytest.mark.parametrize("kind", list(FailureKind))
def test_the_walk_skips_exactly_what_a_refusal_speaks_for(
    kind: FailureKind, scope: Scope, skipped: set[str]
) -> None:
    """A quota is counted apart for spot and on-demand, and for each accelerator."""
    if kind is FailureKind.QUOTA:
        skipped = skipped & SAME_QUOTA
    names = {other: name for name, other in OTHERS.items()}
    walking = state(rules.observe_placement(cluster(), placement(TRIED, *OTHERS.values()), CTX))
    decision: Decision[Cluster] = Decision()
    tried: list[str] = []
    failure: Failure | None = refused(kind, scope)
    while walking.under_way:
        report = launched(walking, 0, failure=failure)
        decision = rules.observe_launch(walking, report, CTX)
        walking = state(decision)
        tried += [names[one.place] for one in walking.under_way]
        failure = refused(FailureKind.TRANSIENT, Scope.OFFER)  # of all others: nothing more is skipped
    assert skipped | set(tried) == set(OTHERS)
    assert not skipped & set(tried)
    assert tried == [name for name in OTHERS if name in tried], "in their order"
    (asked,) = told(decision, NextRound)
    assert [one.place for one in asked.attempted] == [TRIED, *(OTHERS[name] for name in tried)]
    assert told(decision, ClusterSeeking)[0].cluster.failures[0] == refused(kind, scope)


def auth(message: str = "the key has expired") -> Launched:
    failure = Failure(kind=FailureKind.AUTH, scope=Scope.INFRA, message=message)
    return Launched(intent="x", target="c", infra="aws", failure=failure)


def test_an_infra_that_refuses_our_credentials_says_so_until_a_launch_succeeds() -> None:
    world = World(SEED)
    world.hear(surveyed())
    world.hear(auth())
    assert world.told == [InfraSurveyed]
    assert (world.infra.level.enabled, world.infra.level.why) == (
        True,
        "it refused a launch: the key has expired",
    )
    world.hear(auth(), surveyed(seconds=1))
    assert world.told == [], "the same again is no news"
    world.hear(auth().but(failure=refused(FailureKind.CAPACITY, Scope.ZONE)))
    assert world.infra.level.why, "nothing about our credentials"
    world.hear(auth().but(failure=None))
    assert (world.told, world.infra.level.why) == ([InfraSurveyed], "")


def test_an_infra_that_nobody_knows_refuses_in_vain() -> None:
    world = World(SEED)
    world.hear(auth().but(infra="gone"), auth().but(infra=""))
    assert world.told == []
