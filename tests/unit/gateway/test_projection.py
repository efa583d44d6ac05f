import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tradewind.common.contracts.allocation import ClaimLevel, ClaimOpened, ClaimPhase
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.job import JobLevel, JobPhase, JobRestated, RankLevel, RankPhase
from tradewind.common.contracts.registry import Event
from tradewind.common.contracts.task import JobSpec
from tradewind.common.contracts.values import Retention, Shape
from tradewind.gateway.domain.projection import Heard, project

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = JobSpec.model_validate({"name": "n", "roles": [{"count": 2}, {"name": "ps"}], "envs": {"A": "hush"}})


def job(id: str, version: int, **more: object) -> JobLevel:
    level = JobLevel(
        id=id,
        workspace="w",
        version=version,
        number=7,
        user="ada",
        phase=JobPhase.RUNNING,
        attempt=version,
        restarts=0,
        summary=SPEC.summary(priority=5, max_restarts=2, cluster="dev"),
        spec_ref="ref",
        submitted_at=NOW,
    )
    return level.but(**more)


def heard(event: Event, sequence: int = 1) -> Heard:
    envelope = Envelope(id=str(sequence), message=event, source="s", time=NOW, correlation=event.about)
    return Heard(envelope, sequence, "w", event.model_dump_json().encode())


def test_a_job_as_it_is_listed() -> None:
    rank = RankLevel(rank=0, role="main", node="n1", address="a", phase=RankPhase.RUNNING)
    changes = project([heard(JobRestated.of(job("j", 3, ranks=(rank,))))], now=NOW + timedelta(seconds=1))
    row = changes.jobs["j"]
    shown = json.loads(row.view)
    wanted = {"number": 7, "index": None, "phase": "running", "name": "n", "user": "ada", "cluster": "dev"}
    assert {name: shown[name] for name in wanted} == wanted
    assert (shown["size"], shown["priority"], shown["max_restarts"], shown["version"]) == (3, 5, 2, 3)
    assert shown["observed_at"] == "2026-01-01T00:00:01Z"
    assert [role["name"] for role in shown["roles"]] == ["main", "ps"]
    assert json.loads(row.ranks) == [rank.model_dump(mode="json")]
    assert "hush" not in row.view


@given(st.permutations(range(1, 6)), st.lists(st.integers(1, 5)))
def test_the_newest_wins_whatever_the_order(order: list[int], again: list[int]) -> None:
    versions = [*order, *again]
    changes = project(
        [heard(JobRestated.of(job("j", version)), at) for at, version in enumerate(versions)], now=NOW
    )
    assert changes.jobs["j"].level.version == 5
    assert [one.sequence for one in changes.events] == list(range(len(versions)))


def test_other_things_and_what_is_not_shown() -> None:
    claim = ClaimLevel(
        id="c",
        workspace="w",
        version=1,
        phase=ClaimPhase.OPEN,
        generation=1,
        shape=Shape(),
        count=1,
        retention=Retention.NAMED,
        name="dev",
        opened_at=NOW,
    )
    changes = project([heard(ClaimOpened.of(claim)), heard(ClaimOpened.of(claim.but(version=2)))], now=NOW)
    row = changes.levels["claim", "c"]
    assert (row.phase, row.name, row.claim, row.level.version) == ("open", "dev", None, 2)
    assert ClaimLevel.model_validate_json(row.body) == claim.but(version=2)
    assert changes.jobs == {}
