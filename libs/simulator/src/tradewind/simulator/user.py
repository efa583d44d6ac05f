"""The scripted user: submits, changes his mind, takes his cluster down; asks until the bus has it."""

import asyncio
from collections.abc import Callable

from tradewind.common.contracts.allocation import ClaimLevel, ClaimPhase, CloseClaim
from tradewind.common.contracts.envelope import Envelope, Packet, encode
from tradewind.common.contracts.job import CancelArray, CancelJob, SubmitArray, SubmitJob
from tradewind.common.contracts.node import DrainNode, NodeLevel, NodePhase
from tradewind.common.contracts.registry import Command
from tradewind.common.reactor.decision import derived_id
from tradewind.common.reactor.ports import Bus, Clock, Unavailable
from tradewind.simulator.faults import FaultPlan
from tradewind.simulator.seen import Seen
from tradewind.simulator.workload import Ask

WORKSPACE = "default"
LOOKS_EVERY_S = 60.0
NOTICES_EVERY_S = 5.0
REMEMBERED_S = 600.0
"""As long as an outbox keeps what was sent."""


class User:
    """`all_over` tells whether every job has ended: then the named cluster is taken down again and again."""

    def __init__(
        self, *, bus: Bus, clock: Clock, seen: Seen, faults: FaultPlan, all_over: Callable[[], bool]
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._seen = seen
        self._faults = faults
        self._all_over = all_over
        self._asked = 0
        self._sent: list[tuple[float, Packet]] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for ask in self._seen.workload.asks:
                group.create_task(self._submit(ask))
                if ask.cancel_at_s is not None:
                    group.create_task(self._cancel(ask, ask.cancel_at_s))
            for at_s in self._seen.workload.drains_at_s:
                group.create_task(self._drain_a_node(at_s))
            group.create_task(self._take_down())
            group.create_task(self._ask_again())

    async def _submit(self, ask: Ask) -> None:
        await asyncio.sleep(ask.at_s)
        shared = {"id": ask.id, "workspace": WORKSPACE, "number": ask.number, "user": "somebody"}
        shared |= {
            "summary": ask.summary,
            "spec_ref": f"spec-{ask.number}",
            "submitted_at": self._clock.now(),
        }
        command = (
            SubmitJob.model_validate(shared)
            if ask.count is None
            else SubmitArray.model_validate({**shared, "count": ask.count})
        )
        if isinstance(command, SubmitJob) and self._faults.strikes("garbage") is not None:
            await self._ask(self._garbage(command), command)
        else:
            await self._ask(command)
        self._seen.submitted.add(ask.id)

    def _garbage(self, like: SubmitJob) -> SubmitJob:
        """What a store can never hold: the one beside it must not suffer."""
        garbage = like.but(id=derived_id("garbage", like.id), summary=like.summary.but(name="\0"))
        self._seen.garbage.add(garbage.id)
        return garbage

    async def _cancel(self, ask: Ask, at_s: float) -> None:
        await asyncio.sleep(at_s)
        while ask.id not in self._seen.submitted:  # noqa: ASYNC110 - time is virtual: nobody is busy
            await asyncio.sleep(0.1)
        self._seen.cancelled.update(ask.job_ids)
        cancel = CancelJob if ask.count is None else CancelArray
        await self._ask(cancel(id=ask.id, workspace=WORKSPACE))
        self._seen.cancelled_at.update(dict.fromkeys(ask.job_ids, asyncio.get_running_loop().time()))

    async def _take_down(self) -> None:
        """At some time, whatever runs there; and at the end, since nobody else will."""
        await asyncio.sleep(self._seen.workload.down_at_s)
        await self._close_claims()
        while True:
            await asyncio.sleep(LOOKS_EVERY_S)
            if self._all_over():
                await self._close_claims()

    async def _drain_a_node(self, at_s: float) -> None:
        """The first that is there and ready, if there is one."""
        await asyncio.sleep(at_s)
        nodes = [level for level in self._seen.levels.values() if isinstance(level, NodeLevel)]
        ready = next((node for node in nodes if node.phase is NodePhase.READY), None)
        if ready is not None:
            await self._ask(DrainNode(id=ready.id, workspace=WORKSPACE, reason="somebody wants it empty"))

    async def _close_claims(self) -> None:
        claims = [level for level in self._seen.levels.values() if isinstance(level, ClaimLevel)]
        for claim in claims:
            if claim.name is None or claim.phase is ClaimPhase.CLOSED:
                continue
            for job, ask in self._seen.workload.ask_of.items():
                if ask.summary.cluster == claim.name:
                    self._seen.cancelled.add(job)
            await self._ask(CloseClaim(id=claim.id, workspace=WORKSPACE))

    async def _ask_again(self) -> None:
        """As the gateway does: what the bus may have lost is sent again."""
        losses = self._bus.losses()
        while True:
            await asyncio.sleep(NOTICES_EVERY_S)
            if losses != self._bus.losses():
                losses = self._bus.losses()
                now = asyncio.get_running_loop().time()
                for packet in [packet for at, packet in self._sent if now - at < REMEMBERED_S]:
                    await self._send(packet)

    async def _ask(self, *commands: Command) -> None:
        packets = [self._packet(command) for command in commands]
        now = asyncio.get_running_loop().time()
        self._sent += [(now, packet) for packet in packets]
        await self._send(*packets)

    def _packet(self, command: Command) -> Packet:
        self._asked += 1
        envelope = Envelope(
            id=derived_id("user", self._asked, command.type_name, command.id),
            message=command,
            source="tradewind/user",
            time=self._clock.now(),
            correlation=command.id,
        )
        return encode(envelope)

    async def _send(self, *packets: Packet) -> None:
        while True:
            try:
                await self._bus.publish(packets)
            except Unavailable:
                await asyncio.sleep(1.0)
            else:
                return
