"""What the node held when its agent ended, from its journal and its ranks' folders; and back again."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tradewind.agent.domain.model import End, Holding, Rank, Stage
from tradewind.agent.domain.reconcile import said
from tradewind.agent.journal import Record
from tradewind.common.contracts.job import ENDED_RANK_PHASES, RankPhase
from tradewind.common.contracts.rank import AllocationWant, RankSaid
from tradewind.common.contracts.values import Fence


@dataclass(slots=True)
class Remembered:
    """What the journal says of one job."""

    want: AllocationWant | None = None
    trace: str = ""
    ahead: float | None = None
    """See `TheirClock`."""
    said: dict[Fence, RankSaid] = field(default_factory=dict[Fence, RankSaid])
    unacked: set[Fence] = field(default_factory=set[Fence])


def remember(records: Iterable[Record]) -> dict[str, Remembered]:
    """By job."""
    jobs: dict[str, Remembered] = {}
    for record in records:
        if record.want is not None:
            job = jobs.setdefault(record.want.job, Remembered())
            job.want, job.trace, job.ahead = record.want, record.trace, record.ahead
        if record.said is not None:
            job = jobs.setdefault(record.said.fence.job, Remembered())
            job.said[record.said.fence] = record.said
            job.unacked.add(record.said.fence)
        if record.acked is not None:
            jobs.setdefault(record.acked.job, Remembered()).unacked.discard(record.acked)
    return jobs


def restore(
    node: str,
    remembered: dict[str, Remembered],
    present: Iterable[Fence],
    *,
    recover: Callable[[Fence], Rank],
) -> dict[str, Holding]:
    """Everything that is held, by job. `present` are the ranks that have a folder, `recover` looks into one.

    An end that was said is final. A rank without a folder of which no end was said had not got as far as a
    folder.
    """
    there = set(present)
    holdings: dict[str, Holding] = {}
    for job in dict.fromkeys((*remembered, *sorted(fence.job for fence in there))):
        known = remembered.get(job, Remembered())
        fences = known.said.keys() | frozenset(fence for fence in there if fence.job == job)
        ranks = [
            _ended(known.said[fence])
            if fence in known.said and known.said[fence].phase in ENDED_RANK_PHASES
            else recover(fence)
            if fence in there
            else Rank(fence)
            for fence in fences
        ]
        ranks.sort(key=lambda rank: (rank.fence.attempt, rank.fence.rank, rank.fence.incarnation))
        holdings[job] = Holding(node, job, known.want, tuple(ranks))
    return holdings


def _ended(told: RankSaid) -> Rank:
    return Rank(
        told.fence,
        Stage.ENDED,
        started_at=told.started_at,
        end=End(told.phase, told.exit_code, told.reason, told.ended_at),
    )


def records_of(
    holdings: Iterable[Holding],
    *,
    trace_of: Callable[[str], str],
    ahead: float | None,
    is_unacked: Callable[[Fence], bool],
) -> Iterator[Record]:
    """What the journal needs to hold for these."""
    for holding in holdings:
        if holding.want is not None:
            yield Record(want=holding.want, trace=trace_of(holding.job), ahead=ahead)
        for rank in holding.ranks:
            if rank.phase is not RankPhase.WANTED:
                yield Record(said=said(holding, rank))
                if not is_unacked(rank.fence):
                    yield Record(acked=rank.fence)
