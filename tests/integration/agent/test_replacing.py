"""One rank of a gang is started again alone, while the others run on."""

from tests.integration.agent.machine import ControlPlane, Machine, eventually, marked
from tests.unit.agent.wants import fence
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import Goal

STAYS, LOST, NEW = fence(0), fence(1), fence(1, incarnation=1)
RUN = "echo $TRADEWIND_RANK.$TRADEWIND_INCARNATION $SKYPILOT_NODE_IPS; echo here >mine; sleep 1000"


async def test_a_rank_comes_to_a_node_where_another_of_its_gang_runs(
    plane: ControlPlane, machine: Machine
) -> None:
    plane.spec(run=RUN, count=2)
    await plane.want(Goal.GO, ranks=((0, 0),), addresses=("127.0.1.9", "127.0.1.7"))
    await plane.until(lambda: "0.0 127.0.1.9 127.0.1.7\n" in plane.text(STAYS), what="it runs")
    pid = machine.pid(STAYS)

    both = {"ranks": ((0, 0), (1, 1)), "addresses": ("127.0.1.9", "127.0.1.9")}
    await plane.want(Goal.PREPARE, **both)
    await plane.level(NEW, RankPhase.PREPARED)
    await plane.want(Goal.GO, **both)
    await plane.until(lambda: "1.1 127.0.1.9 127.0.1.9\n" in plane.text(NEW), what="it runs too")
    await plane.level(STAYS, RankPhase.RUNNING, times=3)
    assert machine.pid(STAYS) == pid
    assert plane.text(STAYS).count("\n") == 1, "it has not been told to do anything"


async def test_a_rank_goes_to_another_node_and_the_other_stays(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run=RUN, count=2)
    await plane.want(Goal.GO, ranks=((0, 0), (1, 0)))
    await plane.level(STAYS, RankPhase.RUNNING)
    await plane.level(LOST, RankPhase.RUNNING)
    await plane.want(Goal.GO, ranks=((0, 0),), addresses=("127.0.1.1", "127.0.9.9"))
    assert (await plane.end(LOST)).reason == "not wanted any more"
    await plane.level(STAYS, RankPhase.RUNNING, times=2)
    assert marked(f"TRADEWIND_FENCE={STAYS}")


async def test_a_rank_is_started_again_where_it_was(plane: ControlPlane, machine: Machine) -> None:
    """In a folder of its own, and only after its last process there has ended."""
    plane.spec(run=f"trap 'sleep 1; exit 0' TERM; {RUN} & wait", count=2)
    await plane.want(Goal.GO, ranks=((0, 0), (1, 0)))
    await plane.until(lambda: "1.0" in plane.text(LOST), what="it runs")
    await plane.level(STAYS, RankPhase.RUNNING)
    await plane.want(Goal.GO, ranks=((0, 0), (1, 1)))
    old, new = await plane.end(LOST), await plane.level(NEW, RankPhase.RUNNING)
    assert old.ended_at is not None
    assert new.started_at is not None
    assert old.ended_at <= new.started_at
    await eventually(lambda: not machine.rank_folder(LOST).exists(), what="its files are gone")
    await eventually((machine.rank_folder(NEW) / "workdir" / "mine").exists, what="it has its own")
    assert all(said.phase is not RankPhase.STOPPED for said in plane.ranks[STAYS])


async def test_an_agent_that_was_away_finds_both(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run=RUN, count=2)
    await plane.want(Goal.GO, ranks=((0, 0), (1, 0)))
    await plane.level(STAYS, RankPhase.RUNNING)
    await plane.level(LOST, RankPhase.RUNNING)
    pid = machine.pid(STAYS)
    await machine.kill()
    await plane.want(Goal.GO, ranks=((0, 0), (1, 1)), addresses=("127.0.1.1", "127.0.1.9"))
    await machine.start()
    assert (await plane.end(LOST)).phase is RankPhase.STOPPED
    await plane.until(lambda: "1.1 127.0.1.1 127.0.1.9\n" in plane.text(NEW), what="the new one runs")
    assert machine.pid(STAYS) == pid
