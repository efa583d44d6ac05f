"""The agent's one rule: bring what is held of a job to what is wanted of it.

A want is in force until one with a higher (attempt, version) is heard. Whatever it does not name is ended.
A rank is set up and started only when no earlier process of the same place can still be alive (design.md §2):
those of lower attempts, and lower incarnations of itself.
A rank that runs on a node which is about to be taken away is let save its work before it is stopped.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from tradewind.agent.domain.model import (
    RESTING,
    Action,
    End,
    Ended,
    Fact,
    Fetch,
    Fetched,
    Forget,
    Holding,
    Prepared,
    Rank,
    Save,
    Saved,
    Say,
    Setup,
    Stage,
    Start,
    Started,
    Step,
    Stop,
)
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import AllocationWant, Goal, RankSaid
from tradewind.common.contracts.values import Fence


def heed(holding: Holding, want: AllocationWant) -> Step:
    """A want has come. One that is not newer than the one in force changes nothing."""
    if holding.want is not None and _order(want) <= _order(holding.want):
        return Step(holding)
    return _reconcile(holding, want, _by_fence(holding), say_again=_fences(want))


def learn(holding: Holding, fact: Fact) -> Step:
    """The body answers. What comes too late, or of a rank that is not held, changes nothing."""
    held = _by_fence(holding)
    rank = held.get(fact.fence)
    if rank is None or not _is_due(rank, fact):
        return Step(holding)
    held[rank.fence] = _after(rank, fact)
    return _reconcile(holding, holding.want, held)


def resume(holding: Holding) -> Step:
    """The agent has started again: what is under way at no body any more is ordered anew."""
    return _reconcile(holding, holding.want, _by_fence(holding))


def levels(holding: Holding) -> tuple[Say, ...]:
    """Everything that is held, said again: after a start of the agent, and when it finds the bus again."""
    return tuple(Say(said(holding, rank)) for rank in holding.ranks if not rank.forgotten)


def said(holding: Holding, rank: Rank) -> RankSaid:
    end = rank.end
    return RankSaid(
        node=holding.node,
        fence=rank.fence,
        phase=rank.phase,
        exit_code=end.exit_code if end is not None else None,
        reason=end.reason if end is not None else "",
        started_at=rank.started_at,
        ended_at=end.at if end is not None else None,
    )


def _is_due(rank: Rank, fact: Fact) -> bool:
    """Whether the fact answers what is at work for the rank."""
    match fact:
        case Fetched():
            return rank.stage is Stage.FETCHING
        case Prepared():
            return rank.stage is Stage.SETTING_UP
        case Started():
            return rank.stage is Stage.STARTING
        case Saved():
            return rank.stage is Stage.RUNNING and rank.saving is not None and not rank.saved
        case Ended():
            return not rank.ended and rank.stage not in RESTING


def _after(rank: Rank, fact: Fact) -> Rank:
    match fact:
        case Fetched():
            return replace(rank, stage=Stage.FETCHED)
        case Prepared():
            return replace(rank, stage=Stage.PREPARED)
        case Started(at=at):
            return replace(rank, stage=Stage.RUNNING, started_at=at)
        case Saved():
            return replace(rank, saved=True)
        case Ended(at=at, code=code):
            if fact.by_itself:
                end = End(RankPhase.EXITED, code, fact.reason, at)
            else:
                end = End(RankPhase.STOPPED, code, rank.stopping or "stopped", at)
            return replace(rank, stage=Stage.ENDED, end=end)


def _reconcile(
    before: Holding,
    want: AllocationWant | None,
    held: dict[Fence, Rank],
    *,
    say_again: frozenset[Fence] = frozenset(),
) -> Step:
    todo: list[Action] = []
    if want is not None:
        wanted = _fences(want)
        for fence in wanted:
            held.setdefault(fence, Rank(fence))
        # In their order: what must end comes before what waits for its end.
        for fence in sorted(held, key=_place):
            for moved, action in _next(held[fence], want, wanted=wanted, all_held=held.values()):
                held[fence] = moved
                todo += [action] if action is not None else []
    ranks = tuple(held[fence] for fence in sorted(held, key=_place))
    after = replace(before, want=want, ranks=ranks)
    news = tuple(Say(said(after, rank)) for rank in _worth_saying(_by_fence(before), ranks, say_again))
    return Step(after, (*news, *todo))


def _next(
    rank: Rank, want: AllocationWant, *, wanted: frozenset[Fence], all_held: Collection[Rank]
) -> Iterator[tuple[Rank, Action | None]]:
    """The next steps of one rank, as far as it can be taken without an answer of its body."""
    unwanted = _unwanted(rank, want, wanted)
    if unwanted and rank.stage in RESTING:
        rank = replace(rank, stage=Stage.ENDED, end=End(RankPhase.STOPPED, reason=unwanted))
        yield rank, None
    if rank.ended:
        if not rank.forgotten and (want.goal is Goal.FORGET or _is_earlier(rank.fence, want)):
            yield replace(rank, forgotten=True), Forget(rank.fence)
    elif unwanted and rank.stopping:
        return
    elif unwanted and (by := _saves_by(rank, want, wanted)) is not None:
        if rank.saving != by:
            yield replace(rank, saving=by), Save(rank.fence, want.grace_s, by)
    elif unwanted:
        yield replace(rank, stopping=unwanted), Stop(rank.fence, want.grace_s, want.reclaim_at)
    elif rank.stage is Stage.KNOWN:
        yield replace(rank, stage=Stage.FETCHING), Fetch(rank.fence)
    elif rank.stage is Stage.FETCHED and not _must_wait(rank.fence, all_held):
        yield replace(rank, stage=Stage.SETTING_UP), Setup(rank.fence)
    elif rank.stage is Stage.PREPARED and want.goal is Goal.GO and not _must_wait(rank.fence, all_held):
        yield replace(rank, stage=Stage.STARTING), Start(rank.fence)


def _unwanted(rank: Rank, want: AllocationWant, wanted: frozenset[Fence]) -> str:
    """Why the rank must not go on; empty if it may."""
    if rank.ended:
        return ""
    if rank.fence.attempt < want.attempt:
        return f"superseded by attempt {want.attempt}"
    if want.goal in {Goal.STOP, Goal.FORGET}:
        return "stopped" if want.reclaim_at is None else "reclaimed"
    return "" if rank.fence in wanted else "not wanted any more"


def _saves_by(rank: Rank, want: AllocationWant, wanted: frozenset[Fence]) -> datetime | None:
    """By when all of it shall be over, if it may save its work first: what has not begun has nothing to save,
    and what has been replaced must not write where its successor reads.
    """
    may = want.goal is Goal.STOP and rank.fence in wanted and rank.stage is Stage.RUNNING and not rank.saved
    return want.reclaim_at if may else None


def _must_wait(fence: Fence, ranks: Collection[Rank]) -> bool:
    """Whether an earlier process of the same place may still be alive."""
    return any(
        not other.ended
        and (
            other.fence.attempt < fence.attempt
            or (other.fence.rank == fence.rank and other.fence.incarnation < fence.incarnation)
        )
        for other in ranks
    )


def _is_earlier(fence: Fence, want: AllocationWant) -> bool:
    """Whether the want has a later process in the place of this one."""
    return fence.attempt < want.attempt or any(
        one.rank == fence.rank and one.incarnation > fence.incarnation for one in want.ranks
    )


def _worth_saying(
    before: Mapping[Fence, Rank], after: Iterable[Rank], again: frozenset[Fence]
) -> Iterator[Rank]:
    for rank in after:
        earlier = before.get(rank.fence)
        if rank.stage is Stage.STARTING:
            continue  # that it runs, or why not, will be said at once
        if rank.phase is not (earlier.phase if earlier is not None else RankPhase.WANTED) or (
            earlier is not None and rank.fence in again
        ):
            yield rank


def _by_fence(holding: Holding) -> dict[Fence, Rank]:
    return {rank.fence: rank for rank in holding.ranks}


def _place(fence: Fence) -> tuple[int, int, int]:
    return fence.attempt, fence.rank, fence.incarnation


def _order(want: AllocationWant) -> tuple[int, int]:
    return want.attempt, want.version


def _fences(want: AllocationWant) -> frozenset[Fence]:
    return frozenset(
        Fence(job=want.job, attempt=want.attempt, rank=one.rank, incarnation=one.incarnation)
        for one in want.ranks
    )
