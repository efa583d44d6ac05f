"""Bugs of the agent: what it holds, waits for, writes down and says."""

from dataclasses import replace
from typing import Any

import pytest

from bench.mutants.mutant import Mutant
from tradewind.agent.agent import Agent
from tradewind.agent.domain import reconcile
from tradewind.agent.domain.model import End, Holding, Stage, Stop
from tradewind.agent.speaker import Speaker
from tradewind.common.contracts.envelope import encode
from tradewind.common.contracts.job import RankPhase
from tradewind.common.reactor.ports import Unavailable
from tradewind.jobs_controller.domain import settle
from tradewind.simulator.node_agent import MachineFolders, MachineJournal


def no_wait_for_the_earlier_process(patch: pytest.MonkeyPatch) -> None:
    """An agent starts a rank while an earlier process of the same place may still live. The jobs controller
    waits for the same, and comes first: it does not here."""
    patch.setattr(settle, "_all_ended", lambda job: True)
    patch.setattr(reconcile, "_must_wait", lambda fence, ranks: False)


def what_is_not_wanted_runs_on(patch: pytest.MonkeyPatch) -> None:
    """A node that hears of a later attempt does not end what it runs of earlier ones. The jobs controller
    sends a later one only when these have ended: it does not wait here."""
    unwanted = reconcile._unwanted

    def tolerant(rank: Any, want: Any, wanted: Any) -> str:
        return "" if rank.fence.attempt < want.attempt else unwanted(rank, want, wanted)

    patch.setattr(settle, "_all_ended", lambda job: True)
    patch.setattr(reconcile, "_unwanted", tolerant)


def an_agent_forgets_what_it_runs(patch: pytest.MonkeyPatch) -> None:
    """An agent that starts again knows nothing of what the last one was told and said, and does not look at
    what runs. (Its journal alone may be lost: folders, wants and questions make up for it.)"""
    patch.setattr(MachineJournal, "read", lambda self: iter(()))
    patch.setattr(MachineFolders, "fences", lambda self: iter(()))


def old_wants_are_heeded(patch: pytest.MonkeyPatch) -> None:
    """Whatever want comes last is in force, also an older one."""

    def heed(holding: Holding, want: Any) -> Any:
        before = holding.want
        if before is not None and reconcile._order(want) == reconcile._order(before):
            return reconcile.Step(holding)
        held = reconcile._by_fence(holding)
        return reconcile._reconcile(holding, want, held, say_again=reconcile._fences(want))

    patch.setattr("tradewind.agent.agent.heed", heed)


def stopped_is_said_too_early(patch: pytest.MonkeyPatch) -> None:
    """A rank is said to have stopped when it was told to, not when it has."""
    following = reconcile._next

    def hasty(rank: Any, want: Any, **context: Any) -> Any:
        for moved, action in following(rank, want, **context):
            if isinstance(action, Stop):
                end = End(RankPhase.STOPPED, reason=moved.stopping)
                yield replace(moved, stage=Stage.ENDED, end=end), action
            else:
                yield moved, action

    patch.setattr(reconcile, "_next", hasty)


def what_was_not_heard_is_not_said_again(patch: pytest.MonkeyPatch) -> None:
    """An agent says a level once: not again where the bus did not take it, nor when it finds the bus, nor
    when it is asked."""

    async def once(self: Speaker, fence: Any) -> None:
        envelope = self._pending.pop(fence)
        try:
            await self._publisher.publish([encode(envelope)])
        except Unavailable:
            return
        finally:
            del self._sending[fence]

    worth_saying = reconcile._worth_saying
    patch.setattr(Speaker, "_send", once)
    patch.setattr(Agent, "say_levels", lambda self: None)
    patch.setattr(
        reconcile, "_worth_saying", lambda before, after, again: worth_saying(before, after, frozenset())
    )


def what_is_over_starts_again(patch: pytest.MonkeyPatch) -> None:
    """An agent forgets at once a job that is over, and a late copy of an old want begins it again."""
    bury = Agent._bury

    def forget(self: Agent, holding: Holding) -> None:
        bury(self, holding)
        self._holdings.pop(holding.job, None)
        self._traces.pop(holding.job, None)

    patch.setattr(Agent, "_bury", forget)


LATE_WANTS = "late_want=0.1,node_loss=0.002,reclaim=0.005,cut_off,refusal"

MUTANTS = (
    Mutant(no_wait_for_the_earlier_process),
    Mutant(an_agent_forgets_what_it_runs),
    Mutant(old_wants_are_heeded, faults=LATE_WANTS),
    Mutant(stopped_is_said_too_early),
    Mutant(what_was_not_heard_is_not_said_again),
    Mutant(what_is_not_wanted_runs_on),
    Mutant(what_is_over_starts_again, faults=LATE_WANTS),
)
