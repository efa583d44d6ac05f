"""What the hands make of what a driver says."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import pytest
from nats.js import JetStreamContext

from tests.unit.provisioner.given import NOW, place
from tradewind.common.bus.node_users import NodeUsers
from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Report
from tradewind.common.contracts.values import FailureKind, Scope
from tradewind.common.hands import Transient
from tradewind.common.reactor.decision import Intent
from tradewind.provisioner.contracts import (
    Instance,
    InstanceState,
    Launched,
    LaunchOrder,
    Looked,
    LookOrder,
    Surveyed,
    SurveyOrder,
    TerminateOrder,
)
from tradewind.provisioner.domain import orders
from tradewind.provisioner.enrolment import Enrolment
from tradewind.provisioner.hands import hands
from tradewind.provisioner.infra.driver import (
    Admission,
    Capabilities,
    Driver,
    End,
    ReclaimNotice,
    Sight,
    View,
)


@dataclass
class Ssh:
    """An infra that launches one node at a time, and cannot tell whether a machine is gone."""

    name = "ssh"
    capabilities = Capabilities(authoritative_liveness=False, multi_node=False)

    async def survey(self) -> View:
        return View(enabled=True)

    async def look(self, node: str, instance: str) -> Sight:
        return Sight(InstanceState.GONE, NOW)

    async def launch(
        self, order: LaunchOrder, *, token: str, admissions: Mapping[str, Admission]
    ) -> tuple[Instance, ...]:
        raise AssertionError("it was to be refused before")

    async def terminate(self, node: str, instance: str) -> datetime:
        raise AssertionError("nobody asked for it")

    async def watch(self, tell: Callable[[End | ReclaimNotice], Awaitable[None]]) -> None:
        raise AssertionError("nobody asked for it")


class Clock:
    def now(self) -> datetime:
        return NOW


async def act(hand: str, payload: Value, tmp_path: Path) -> Report:
    users = NodeUsers(tmp_path / "nodes.conf", tmp_path / "pid")
    enrolment = Enrolment(users, cast(JetStreamContext, None), "nats://h:1")  # nobody is to be admitted
    driver: Driver = Ssh()
    made = hands({"ssh": driver}, enrolment=enrolment, clock=Clock())
    return await made[hand].act(Intent("i", hand, "target", payload))


async def test_a_survey_of_what_cannot_tell_is_not_complete(tmp_path: Path) -> None:
    report = await act(orders.SURVEY, SurveyOrder(infra="ssh"), tmp_path)
    assert isinstance(report, Surveyed)
    assert (report.enabled, report.complete, report.taken_at) == (True, False, NOW)


async def test_what_cannot_tell_never_says_gone(tmp_path: Path) -> None:
    report = await act(orders.LOOK, LookOrder(infra="ssh", node="n", instance="i"), tmp_path)
    assert isinstance(report, Looked)
    assert (report.target, report.state) == ("n", InstanceState.UNKNOWN)


@pytest.mark.parametrize(
    ("infra", "why"),
    [
        ("ssh", "ssh launches one node at a time, not 2"),
        ("aws", "this installation has no driver for aws"),
    ],
)
async def test_what_a_driver_cannot_do_is_refused_for_its_infra(infra: str, why: str, tmp_path: Path) -> None:
    order = LaunchOrder(cluster="target", claim="c", workspace="w", place=place(infra), nodes=("a", "b"))
    report = await act(orders.LAUNCH, order, tmp_path)
    assert isinstance(report, Launched)
    assert report.failure is not None
    assert (report.failure.kind, report.failure.scope) == (FailureKind.INVALID, Scope.INFRA)
    assert report.failure.message == why


async def test_an_infra_without_a_driver_is_not_enabled_and_nothing_is_said_of_its_machines(
    tmp_path: Path,
) -> None:
    report = await act(orders.SURVEY, SurveyOrder(infra="aws"), tmp_path)
    assert isinstance(report, Surveyed)
    assert (report.enabled, report.complete) == (False, False)
    looked = await act(orders.LOOK, LookOrder(infra="aws", node="n", instance="i"), tmp_path)
    assert isinstance(looked, Looked)
    assert looked.state is InstanceState.UNKNOWN
    with pytest.raises(Transient, match="no driver for aws"):
        await act(orders.TERMINATE, TerminateOrder(infra="aws", node="n", instance="i"), tmp_path)
