"""A home starts by itself, again and again, whatever was killed; tasks live through all of it."""

import os
import signal
import stat
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.stack import local_stack, task
from tradewind.client.records import LogChunk
from tradewind.common.endpoint import Endpoint
from tradewind.common.processes import started_at
from tradewind.local import api


def test_a_killed_control_plane_starts_again_and_the_task_never_noticed(tmp_path: Path) -> None:
    with local_stack(tmp_path / "home") as stack:
        with stack.client() as tw:
            job = tw.submit(task("for i in 1 2 3 4 5 6 7 8; do echo tick $i; sleep 0.5; done"))
            while job.info().phase != "running":
                time.sleep(0.02)
        supervisor = api.status(stack.home).pid
        assert supervisor is not None
        os.kill(supervisor, signal.SIGKILL)
        _await_end(supervisor)
        assert Endpoint.read(stack.home) is None
        time.sleep(1)
        endpoint = api.start(stack.home)
        assert endpoint.pid != supervisor
        with stack.client() as tw:
            again = tw.job(job.id)
            info = again.wait(timeout=30)
            assert (info.phase, info.attempt) == ("succeeded", 1)
            text = "".join(chunk.text for chunk in again.logs(follow=False) if isinstance(chunk, LogChunk))
            assert text == "".join(f"tick {number}\n" for number in range(1, 9))


def test_a_killed_agent_comes_back_and_reports_what_it_missed(tmp_path: Path) -> None:
    with local_stack(tmp_path / "home") as stack, stack.client() as tw:
        job = tw.submit(task("echo begin; sleep 2; echo end; exit 3"))
        while job.info().phase != "running":
            time.sleep(0.02)
        (agent,) = [pid for pid in stack.node_processes() if _is_agent(pid)]
        os.kill(agent, signal.SIGKILL)
        info = job.wait(timeout=30)
        assert (info.phase, info.exit_code, info.attempt) == ("failed", 3, 1)
        text = "".join(chunk.text for chunk in job.logs(follow=False) if isinstance(chunk, LogChunk))
        assert text == "begin\nend\n"


def test_two_homes_live_side_by_side(tmp_path: Path) -> None:
    with local_stack(tmp_path / "one") as one, local_stack(tmp_path / "two") as two:
        assert one.url != two.url
        with one.client() as first, two.client() as second:
            assert first.submit(task("true")).wait(timeout=30).phase == "succeeded"
            assert second.submit(task("false")).wait(timeout=30).phase == "failed"
            assert len(list(first.jobs())) == 1


def test_started_by_many_at_once_it_is_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(5) as callers:
        started = set(callers.map(lambda _: api.start(home), range(5)))
    try:
        assert len(started) == 1
    finally:
        api.uninstall(home)
    assert not home.exists()


def test_a_home_that_lost_its_endpoint_says_it_again(tmp_path: Path) -> None:
    with local_stack(tmp_path / "home") as stack:
        (stack.home / "endpoint.json").unlink()
        assert api.start(stack.home).url == stack.url
        (stack.home / "endpoint.json").write_text("garbage")
        assert api.start(stack.home).url == stack.url


def test_only_its_owner_may_come_in(tmp_path: Path) -> None:
    with local_stack(tmp_path / "home") as stack:
        assert stat.S_IMODE(stack.home.stat().st_mode) == 0o700
        assert stat.S_IMODE((stack.home / "token").stat().st_mode) == 0o600
        for token in (None, "wrong"):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            request = urllib.request.Request(f"{stack.url}/v1/jobs", headers=headers)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=5)
            assert refused.value.code == 401


def _await_end(pid: int) -> None:
    mark = started_at(pid)
    while mark is not None and started_at(pid) == mark:
        time.sleep(0.01)


def _is_agent(pid: int) -> bool:
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"tradewind.agent" in arguments
