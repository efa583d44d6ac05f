"""Specs and work directories, given piece by piece."""

import hashlib
import os

from tests.integration.agent.machine import ControlPlane, Machine
from tests.unit.agent.wants import fence
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import Fetched, Goal

F = fence()


async def test_a_workdir_is_there_when_the_commands_run(plane: ControlPlane, machine: Machine) -> None:
    workdir = plane.blob(**{"src/train.sh": "echo trained", "data": "12"})
    plane.spec(setup="test -f data && echo 34 >> data", run="bash src/train.sh; cat data", workdir=workdir)
    await plane.want(Goal.GO)
    assert (await plane.end(F)).exit_code == 0
    assert plane.text(F) == "trained\n1234\n"


async def test_a_large_workdir_comes_in_pieces_and_once(plane: ControlPlane, machine: Machine) -> None:
    blob = os.urandom(3_000_000).hex()
    workdir = plane.blob(blob=blob)
    plane.spec(count=3, run="sha256sum < blob", workdir=workdir)
    await plane.want(Goal.GO, ranks=((0, 0), (1, 0), (2, 0)))
    for rank in range(3):
        await plane.end(fence(rank))
        assert plane.text(fence(rank)).split()[0] == hashlib.sha256(blob.encode()).hexdigest()
    pieces = [one for one in plane.asked if one.ref == workdir]
    assert len(pieces) == -(-len(plane.given[workdir]) // (512 * 1024))
    assert {one.grant for one in plane.asked} == {"signed"}


async def test_bytes_that_are_not_what_they_are_called_are_refused(
    plane: ControlPlane, machine: Machine
) -> None:
    workdir = plane.blob(a="1")
    plane.given[workdir] = plane.given[plane.blob(a="2")]
    plane.spec(run="true", workdir=workdir)
    await plane.want(Goal.GO)
    end = await plane.end(F)
    assert (end.phase, end.exit_code, end.reason) == (RankPhase.EXITED, 1, "fetch")
    assert "other bytes" in plane.text(F)
    assert list((machine.folder / "blobs").iterdir()) == []


async def test_a_workdir_that_leads_outside_is_refused(plane: ControlPlane, machine: Machine) -> None:
    workdir = plane.blob(**{"../../escaped": "1"})
    plane.spec(run="true", workdir=workdir)
    await plane.want(Goal.GO)
    assert (await plane.end(F)).reason == "fetch"
    assert "lies outside" in plane.text(F)
    assert not (machine.folder / "ranks" / "escaped").exists()


async def test_a_role_that_the_spec_lacks(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(name="other", run="true")
    await plane.want(Goal.PREPARE)
    assert (await plane.end(F)).reason == "fetch"
    assert "no role 'main'" in plane.text(F)


async def test_a_missing_blob_is_said_in_the_gateways_words(plane: ControlPlane, machine: Machine) -> None:
    workdir = plane.blob(a="1")
    plane.refused[workdir] = Fetched(error="the blob is gone")
    plane.spec(run="true", workdir=workdir)
    await plane.want(Goal.PREPARE)
    await plane.end(F)
    assert plane.text(F) == "tradewind: the blob is gone\n"


async def test_a_fetch_is_done_again_by_the_next_agent(plane: ControlPlane, machine: Machine) -> None:
    plane.gives = False
    workdir = plane.blob(a="1")
    plane.spec(run="cat a", workdir=workdir)
    await plane.want(Goal.GO)
    await plane.want(Goal.PREPARE, job="job-2")
    await machine.kill()
    plane.gives = True
    await machine.start()
    assert (await plane.end(F)).exit_code == 0
    assert plane.text(F) == "1"
    await plane.level(fence(job="job-2"), RankPhase.PREPARED)
