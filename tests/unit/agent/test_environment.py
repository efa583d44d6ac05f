"""What a task finds in its environment."""

from datetime import UTC, datetime
from typing import Any

from tests.unit.agent.wants import fence, want
from tradewind.agent.domain.environment import environment, inherited, task_id
from tradewind.common.contracts.rank import Goal
from tradewind.common.contracts.task import JobSpec, RoleSpec
from tradewind.common.contracts.values import Shape, Share

SPEC = JobSpec(
    name="train",
    roles=(RoleSpec(count=2, shape=Shape(accelerator="A100", accelerator_count=4)),),
    envs={"LR": "0.1", "TRADEWIND_FENCE": "mine", "TRADEWIND_HOOK": "mine"},
)


def of_rank(
    rank: int,
    *,
    setup: bool = False,
    reclaim_at: datetime | None = None,
    ranks: tuple[tuple[int, int], ...] = ((0, 0), (1, 0)),
    **changes: Any,
) -> dict[str, str]:
    told = want(Goal.GO, ranks=ranks, **changes)
    return environment(
        want=told,
        rank=told.ranks[rank],
        fence=fence(rank, incarnation=told.ranks[rank].incarnation),
        spec=SPEC,
        address="127.0.1.2",
        setup=setup,
        reclaim_at=reclaim_at,
    )


def test_a_rank_knows_its_gang_as_under_skypilot() -> None:
    env = of_rank(1)
    for prefix in ("SKYPILOT_", "TRADEWIND_"):
        assert env[f"{prefix}NODE_RANK"] == "1"
        assert env[f"{prefix}NODE_IPS"] == "127.0.1.1\n127.0.1.2"
        assert env[f"{prefix}NUM_NODES"] == "2"
        assert env[f"{prefix}NUM_GPUS_PER_NODE"] == "4"
        assert env[f"{prefix}TASK_ID"] == "tradewind-default-7-train-job-1"
    assert env["LR"] == "0.1"


def test_two_installations_that_share_a_bucket_have_no_task_id_in_common() -> None:
    """Both count their jobs from 1."""
    ours = of_rank(1, job="01a20314-fa23-74cc-9554-afee1ac7fa82")["TRADEWIND_TASK_ID"]
    theirs = of_rank(1, job="01a20314-fa23-74cc-9554-afee1ac7fa83")["TRADEWIND_TASK_ID"]
    assert ours == "tradewind-default-7-train-1ac7fa82"
    assert theirs != ours


def test_a_setup_has_its_own_names() -> None:
    env = of_rank(1, setup=True)
    assert env["SKYPILOT_SETUP_NODE_RANK"] == "1"
    assert env["TRADEWIND_SETUP_NODE_IPS"] == "127.0.1.1\n127.0.1.2"
    assert "SKYPILOT_NODE_RANK" not in env


def test_a_task_cannot_hide_its_fence() -> None:
    assert of_rank(1)["TRADEWIND_FENCE"] == "job-1.1.1.0"
    assert "TRADEWIND_HOOK" not in of_rank(1)


def test_a_hook_finds_what_its_task_finds_and_the_time() -> None:
    hook = of_rank(1, reclaim_at=datetime(2026, 1, 1, 12, 0, 5, 300_000, tzinfo=UTC))
    assert hook == of_rank(1) | {
        "TRADEWIND_HOOK": "on_reclaim",
        "TRADEWIND_RECLAIM_AT": "2026-01-01T12:00:05+00:00",
    }


def test_a_rank_that_was_started_again_alone_knows_it_and_where_the_others_are() -> None:
    env = of_rank(1, ranks=((0, 0), (1, 2)), addresses=("127.0.1.1", "127.0.9.9"))
    assert env["TRADEWIND_INCARNATION"] == "2"
    assert env["TRADEWIND_FENCE"] == "job-1.1.1.2"
    assert env["SKYPILOT_NODE_IPS"] == "127.0.1.1\n127.0.9.9"


def test_a_job_of_an_array_knows_its_place() -> None:
    env = of_rank(0, job_index=12)
    assert env["TRADEWIND_JOB_INDEX"] == env["SKYPILOT_JOB_RANK"] == "12"
    assert env["SKYPILOT_TASK_ID"] == "tradewind-default-7-12-train-job-1"
    assert "TRADEWIND_JOB_INDEX" not in of_rank(0)


def test_devices_are_named_only_where_they_were_given() -> None:
    assert "CUDA_VISIBLE_DEVICES" not in of_rank(0)
    told = want(Goal.GO)
    given = told.ranks[0].but(share=Share(cpus=1, devices=(2, 3)))
    env = environment(want=told, rank=given, fence=fence(), spec=SPEC, address="127.0.1.2", setup=False)
    assert env["CUDA_VISIBLE_DEVICES"] == "2,3"


def test_the_agents_own_settings_stay_with_it() -> None:
    node = {"PATH": "/bin", "HOME": "/home/a", "TRADEWIND_NODE_DIR": "/n", "OTEL_EXPORTER_OTLP_ENDPOINT": "x"}
    assert inherited(node) == {"PATH": "/bin", "HOME": "/home/a"}


def test_the_task_id_is_the_same_for_every_attempt() -> None:
    assert task_id(want(attempt=1)) == task_id(want(attempt=4))
