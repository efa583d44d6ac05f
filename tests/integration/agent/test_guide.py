"""The example of docs/guides/checkpoints.md does what the page says."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.integration.agent.machine import ControlPlane, Machine
from tests.unit.agent.wants import fence
from tradewind.client.task import parse
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import Goal

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "checkpoints.md"
A_STEP_S = 0.01
"""As the page has it."""
FIRST, SECOND = fence(), fence(attempt=2)


def blocks() -> dict[str, str]:
    """The code blocks of the page, by the file name in their first line."""
    found = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    return dict(found)


async def test_the_second_attempt_goes_on_where_the_first_was_reclaimed(
    plane: ControlPlane, machine: Machine, tmp_path: Path
) -> None:
    files = blocks()
    spec = parse(files["train.yaml"], file="train.yaml").spec
    workdir = plane.blob(**{"train.py": files["train.py"]})
    envs = {**spec.envs, "KEEP": str(tmp_path / "shared")}
    plane.given["spec-1"] = spec.but(workdir=workdir, envs=envs).model_dump_json().encode()

    await plane.want(Goal.GO)
    await plane.until(lambda: "begins at step 0\n" in plane.text(FIRST), what="it trains")
    await asyncio.sleep(20 * A_STEP_S)
    at = datetime.now(UTC) + timedelta(seconds=120)
    await plane.want(Goal.STOP, reclaim_at=at, grace_s=15)
    end = await plane.end(FIRST)
    assert (end.phase, end.reason, end.exit_code) == (RankPhase.STOPPED, "reclaimed", 143)
    saved = int(next((tmp_path / "shared").rglob("step")).read_text())
    assert saved > 0

    plane.given["spec-2"] = (
        spec.but(workdir=workdir, envs={**envs, "STEPS": str(saved + 5)}).model_dump_json().encode()
    )
    await plane.want(Goal.GO, attempt=2, spec_ref="spec-2")
    end = await plane.end(SECOND)
    assert (end.phase, end.exit_code) == (RankPhase.EXITED, 0)
    assert plane.text(SECOND) == f"begins at step {saved}\n"
