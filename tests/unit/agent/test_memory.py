"""The journal, and what the node remembers by it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.unit.agent.wants import JOB, NODE, fence, want
from tradewind.agent.domain.model import End, Holding, Rank, Stage
from tradewind.agent.domain.reconcile import resume, said
from tradewind.agent.journal import Journal, Record
from tradewind.agent.memory import records_of, remember, restore
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import Goal
from tradewind.common.contracts.values import Fence

AT = datetime(2026, 1, 1, tzinfo=UTC)
F = fence()
ENDED = Rank(F, Stage.ENDED, started_at=AT, end=End(RankPhase.EXITED, 3, "run", AT))
HOLDING = Holding(NODE, JOB, want(Goal.GO), (ENDED,))


def written(folder: Path, *records: Record) -> Journal:
    journal = Journal(folder / "journal")
    journal.rewrite([])
    for record in records:
        journal.append(record)
    return journal


def looked_at(found: Fence) -> Rank:
    return Rank(found, Stage.RUNNING, started_at=AT)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    records = [Record(want=want(), trace="00-1"), Record(said=said(HOLDING, ENDED)), Record(acked=F)]
    assert list(written(tmp_path, *records).read()) == records


def test_a_line_cut_short_is_left_out_and_the_next_one_is_whole(tmp_path: Path) -> None:
    written(tmp_path, Record(acked=F)).close()
    path = tmp_path / "journal"
    path.write_bytes(path.read_bytes() + b'{"want":{"no')
    journal = Journal(path)
    kept = list(journal.read())
    journal.rewrite(kept)
    journal.append(Record(acked=fence(1)))
    assert list(journal.read()) == [Record(acked=F), Record(acked=fence(1))]


def test_a_journal_is_its_owners_alone(tmp_path: Path) -> None:
    written(tmp_path)
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


def test_a_journal_knows_when_it_has_grown(tmp_path: Path) -> None:
    journal = written(tmp_path)
    assert not journal.has_grown
    for _ in range(60):
        journal.append(Record(want=want(addresses=("127.0.0.1",) * 10_000)))
    assert journal.has_grown
    journal.rewrite([Record(acked=F)])
    assert not journal.has_grown


def test_only_what_no_ack_followed_is_unacked() -> None:
    running = said(HOLDING, replace(ENDED, stage=Stage.RUNNING, end=None))
    end = said(HOLDING, ENDED)
    assert remember([Record(said=end)])[JOB].unacked == frozenset([F])
    assert remember([Record(said=running), Record(acked=F), Record(said=end)])[JOB].unacked == frozenset([F])
    assert remember([Record(said=running), Record(said=end), Record(acked=F)])[JOB].unacked == set()


def test_an_end_that_was_said_is_final_and_others_are_looked_at() -> None:
    one, two = fence(0), fence(1)
    told = want(Goal.GO, ranks=((0, 0), (1, 0)))
    remembered = remember([Record(want=told, trace="00-1"), Record(said=said(HOLDING, ENDED))])
    held = restore(NODE, remembered, [one, two], recover=looked_at)
    assert held[JOB] == Holding(NODE, JOB, told, (ENDED, looked_at(two)))
    assert remembered[JOB].trace == "00-1"


def test_a_folder_that_no_record_names_is_held_without_a_want() -> None:
    held = restore(NODE, {}, [F], recover=looked_at)
    assert held[JOB] == Holding(NODE, JOB, None, (looked_at(F),))
    assert resume(held[JOB]).actions == ()


def test_memory_survives_its_own_records() -> None:
    gone = replace(ENDED, fence=fence(1), forgotten=True)
    before = Holding(NODE, JOB, want(Goal.FORGET), (ENDED, gone))
    records = records_of([before], trace_of=lambda job: "00-1", ahead=2.5, is_unacked=lambda one: one == F)
    remembered = remember(records)
    assert remembered[JOB].unacked == frozenset([F])
    assert remembered[JOB].ahead == 2.5
    held = restore(NODE, remembered, [], recover=looked_at)
    assert resume(held[JOB]).holding.over
