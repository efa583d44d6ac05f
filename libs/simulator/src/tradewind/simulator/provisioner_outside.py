"""What the provisioner has beside its rules: its own hands and watch, over the scripted infra."""

from collections.abc import Iterable, Mapping
from typing import cast

from tradewind.common.bus.streams import wants_of
from tradewind.common.contracts.node_file import NodeCredentials
from tradewind.common.hands import Hand
from tradewind.common.reactor.ports import Clock, Unavailable
from tradewind.provisioner.enrolment import Enrolment
from tradewind.provisioner.hands import hands
from tradewind.provisioner.infra.driver import Admission, Driver
from tradewind.simulator.line import Outages
from tradewind.simulator.memory_bus import MemoryServer


class SimulatedEnrolment:
    """Lets nodes into the bus: here, the consumer of their wants is all that they need."""

    def __init__(self, server: MemoryServer, outages: Outages) -> None:
        self._server = server
        self._outages = outages

    async def admit(self, nodes: Iterable[str]) -> dict[str, Admission]:
        self._needs_bus()
        for node in nodes:
            self._server.declare(wants_of(node))
        return {node: Admission("", NodeCredentials(user=node, password="")) for node in nodes}

    async def dismiss(self, node: str) -> None:
        self._needs_bus()
        self._server.remove(wants_of(node))

    def _needs_bus(self) -> None:
        if self._outages.down("bus"):
            raise Unavailable("the bus does not answer")


def provisioner_hands(
    drivers: Iterable[Driver], server: MemoryServer, *, outages: Outages, clock: Clock
) -> Mapping[str, Hand]:
    enrolment = cast(Enrolment, SimulatedEnrolment(server, outages))
    return hands({driver.name: driver for driver in drivers}, enrolment=enrolment, clock=clock)
