"""What a leader writes down of its folds: all that is needed to fold again, and no permission."""

import json
from datetime import UTC, datetime
from pathlib import Path

from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.job import CancelJob
from tradewind.common.contracts.rank import AllocationWant, Goal
from tradewind.common.reactor.decision import Intent
from tradewind.common.reactor.fold import Outcome
from tradewind.common.reactor.journal import MASKED, Journal
from tradewind.common.reactor.ports import Lease
from tradewind.provisioner.contracts import SurveyOrder
from tradewind.provisioner.domain.infra import seed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CANCEL = CancelJob(id="j", workspace="default")
WANT = AllocationWant(
    node="n",
    job="j",
    workspace="default",
    attempt=1,
    version=3,
    goal=Goal.GO,
    ranks=(),
    addresses=(),
    job_name="",
    job_number=1,
    spec_ref="s",
    grant="eyJ-signed",
)


def envelope(message: CancelJob | AllocationWant, *, redriven: bool = False) -> Envelope:
    return Envelope("e1", message, "tradewind/test", NOW, "j", redriven=redriven)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_leadership_has_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    for epoch in (7, 8):
        journal.leads(Lease("scheduler", 0, epoch, "somebody"), ())
        journal.folds((), Outcome(), now=NOW)
    first, second = sorted((tmp_path / "journal").iterdir())
    assert (first.name, second.name) == ("scheduler.000007.jsonl", "scheduler.000008.jsonl")
    assert [list(line) for line in lines(first)] == [["leads"], ["folds"]]
    assert first.stat().st_mode & 0o077 == 0


def test_a_fold_is_written_with_what_it_was_given_and_what_it_came_to(tmp_path: Path) -> None:
    infra = seed("local")
    outcome = Outcome(
        rows={infra.ref: infra},
        outbox=[envelope(WANT)],
        intents=[Intent("i1", "survey", "local", SurveyOrder(infra="local"))],
        closed_intents=["i0"],
    )
    journal = Journal(tmp_path)
    journal.leads(Lease("provisioner", 0, 1, "somebody"), ())
    journal.knows((infra,))
    journal.folds([envelope(CANCEL, redriven=True)], outcome, now=NOW)
    journal.folds((), Outcome(), now=NOW)
    journal.withdraws("it is taken")
    _, first, second, third = lines(tmp_path / "provisioner.000001.jsonl")
    told = json.loads(json.dumps(first["folds"]))
    assert told["now"] == NOW.isoformat()
    assert [row["kind"] for row in told["known"]] == ["infra"]
    assert told["inputs"][0]["headers"]["tw-redriven"]
    assert told["inputs"][0]["body"]["id"] == "j"
    assert [row["state"]["id"] for row in told["decided"]["rows"]] == ["local"]
    assert told["decided"]["intents"][0]["hand"] == "survey"
    assert told["decided"]["closed"] == ["i0"]
    assert json.loads(json.dumps(second["folds"]))["known"] == []  # what was known once is known
    assert third == {"withdrawn": {"why": "it is taken"}}


def test_a_grant_is_not_written_down(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.leads(Lease("jobs_controller", 0, 1, "somebody"), ())
    journal.folds((), Outcome(outbox=[envelope(WANT)]), now=NOW)
    text = (tmp_path / "jobs_controller.000001.jsonl").read_text()
    assert "eyJ-signed" not in text
    assert MASKED in text
