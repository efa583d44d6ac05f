"""The scripted body answers as the agent's own does."""

from asyncio import sleep
from random import Random

from tradewind.agent.domain.model import Ended, Fact
from tradewind.common.contracts.rank import AllocationWant, Goal
from tradewind.common.contracts.values import Fence, Room
from tradewind.common.runtime.clock import SystemClock
from tradewind.simulator.machine import Machine, Onlooker, Script
from tradewind.simulator.scripted_body import ScriptedBody

FENCE = Fence(job="j", attempt=1, rank=0)
WANT = AllocationWant(
    node="n",
    job="j",
    workspace="w",
    attempt=1,
    version=1,
    goal=Goal.PREPARE,
    ranks=(),
    addresses=(),
    job_name="j",
    job_number=1,
    spec_ref="s",
    grant="g",
)


async def test_a_stop_that_comes_with_the_fetch_is_answered() -> None:
    """Found by the simulator in itself: an agent that had been cut off heard both at once, and the rank never
    ended.
    """
    machine = Machine("n", "i", Room(cpus=1, memory_gib=1), "127.0.0.1", Onlooker())
    told: list[Fact] = []
    body = ScriptedBody(
        machine,
        scripts=lambda _: Script(fetch_s=9.0),
        random=Random(1),
        clock=SystemClock(),
        tell=told.append,
    )
    body.fetch(FENCE, WANT)
    body.stop(FENCE, grace_s=1.0)
    for _ in range(3):
        await sleep(0)
    assert [(type(fact), fact.fence) for fact in told] == [(Ended, FENCE)]
