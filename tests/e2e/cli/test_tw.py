"""`tw` as a person uses it, on a real local stack."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import LocalStack, local_stack

SOON_S = 60


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Tw:
    """The command, by its home alone: it finds endpoint and token there by itself."""

    home: Path
    folder: Path

    def __call__(self, *words: str) -> Done:
        with self.start(*words) as process:
            out, err = process.communicate(timeout=SOON_S)
        assert "Traceback" not in err, err
        return Done(process.returncode, out, err)

    def start(self, *words: str) -> subprocess.Popen[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")}
        return subprocess.Popen(
            [Path(sys.executable).with_name("tw"), *words],
            env=environ | {"TRADEWIND_HOME": str(self.home)},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, phase: str, job: str) -> None:
        """Wait until a job is in a phase."""
        deadline = time.monotonic() + SOON_S
        while time.monotonic() < deadline:
            rows = self("jobs", "queue", "-o", "json").json["jobs"]
            if any(str(row["number"]) == job and row["phase"] == phase for row in rows):
                return
            time.sleep(0.2)
        raise AssertionError(f"job {job} is not {phase}")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalStack]:
    home = tmp_path_factory.mktemp("home")
    with local_stack(home, TRADEWIND_LOCAL_NODES="4", TRADEWIND_LOCAL_SLOTS="4") as running:
        yield running


@pytest.fixture
def tw(stack: LocalStack, tmp_path: Path) -> Tw:
    return Tw(stack.home, tmp_path)


def test_a_task_file_with_a_folder_on_two_nodes(tw: Tw) -> None:
    (tw.folder / "code").mkdir()
    (tw.folder / "code/say.sh").write_text("echo $WORD $SKYPILOT_NODE_RANK\n")
    (tw.folder / "task.yaml").write_text(
        "workdir: code\nnum_nodes: 2\nresources: {infra: local}\nenvs: {WORD: }\n"
        "setup: echo ready > done\nrun: cat done && sh say.sh\n"
    )
    done = tw("jobs", "launch", "task.yaml", "--env", "WORD=hello")
    assert done.code == 0, done.err
    assert sorted(done.out.splitlines()) == [
        "(rank 0) hello 0", "(rank 0) ready", "(rank 1) hello 1", "(rank 1) ready",
    ]  # fmt: skip
    assert "INSTANCE" in done.err  # what it costs on real offers; here it costs nothing, so nobody was asked
    assert "(task) succeeded" in done.err


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 42", 42), ("kill -9 $$", 137)])
def test_it_ends_with_the_code_of_the_task(tw: Tw, command: str, code: int) -> None:
    assert tw("jobs", "launch", "--infra", "local", command).code == code


def test_the_life_of_a_named_cluster(tw: Tw) -> None:
    assert tw("exec", "dev", "ls").code == 102
    first = tw("launch", "-c", "dev", "--infra", "local", "echo first")
    assert (first.code, first.out) == (0, "first\n")
    again = tw("exec", "dev", "--infra", "local", "echo again")
    assert (again.code, again.out) == (0, "again\n")
    assert [row.split()[0] for row in tw("status", "dev").out.splitlines()] == ["NAME", "dev"]
    jobs = tw("queue", "dev", "-o", "json").json["jobs"]
    assert [job["phase"] for job in jobs] == ["succeeded", "succeeded"]
    assert tw("logs", "dev", "--no-follow").out == "again\n"
    assert tw("down", "dev").code == 2
    assert tw("down", "-y", "dev").code == 0
    assert tw("exec", "dev", "ls").code == 102


def test_a_cancelled_job(tw: Tw) -> None:
    job = tw("jobs", "launch", "-d", "--infra", "local", "echo begun; sleep 600").out.strip()
    tw.until("running", job)
    assert tw("cancel", job).code == 0
    followed = tw("logs", job)
    assert followed.code == 103
    assert followed.out.startswith("begun\n")


def test_control_c_detaches_and_the_log_can_be_followed_again(tw: Tw) -> None:
    go = tw.folder / "go"
    with tw.start(
        "jobs", "launch", "-n", "patient", "--infra", "local",
        f"echo begun; until test -e {go}; do sleep 0.1; done; echo done",
    ) as first:  # fmt: skip
        assert first.stdout
        assert first.stderr
        assert first.stdout.readline() == "begun\n"
        first.send_signal(signal.SIGINT)
        hint = first.stderr.read().splitlines()[-1]
        assert first.wait() == 130
    job = hint.split("`")[1].removeprefix("tw logs ")
    assert tw("logs", "--no-follow", job).code == 101
    go.touch()
    again = tw("logs", job)
    assert (again.code, again.out) == (0, "begun\ndone\n")
    assert tw("logs", "--no-follow", "--tail", "1", job).out == "done\n"


def test_events_of_a_job(tw: Tw) -> None:
    job = tw("jobs", "launch", "-d", "--infra", "local", "true").out.strip()
    tw.until("succeeded", job)
    lines = tw("events", "--job", job, "--type", "job.*", "-o", "json").out.splitlines()
    told = [json.loads(line) for line in lines]
    assert [event["type"].split(".")[-1] for event in told] == ["queued", "starting", "running", "succeeded"]
    assert {event["specversion"] for event in told} == {"1.0"}


def test_an_array(tw: Tw) -> None:
    words = ["--num-jobs", "3", "--infra", "local", "-n", "sweep", "exit $SKYPILOT_JOB_RANK"]
    number = tw("jobs", "launch", *words).out.strip()
    tw.until("failed", number)
    assert tw("logs", f"{number}_2").code == 2
    assert tw("logs", f"{number}_0").code == 0


def test_what_is_wrong_is_one_sentence(tw: Tw) -> None:
    (tw.folder / "bad.yaml").write_text("run: ls\nresources:\n  gpu: H100\n")
    done = tw("launch", "bad.yaml")
    assert (done.code, done.out) == (2, "")
    assert done.err == "tw: bad.yaml:3:3: resources.gpu: is not read: write `accelerators`\n"
    assert tw("logs", "4711").code == 102
    assert tw("jobs", "launch", "--infra", "local", "--workdir", "nowhere", "ls").code == 2


def test_the_stack_stops_and_any_command_starts_it_again(tw: Tw) -> None:
    before = tw("jobs", "queue", "-o", "json").json["jobs"]
    assert tw("config", "set", "local.nodes", "3").code == 0
    assert tw("api", "stop").out == "stopped\n"
    assert tw("api", "status").code == 1
    after = tw("jobs", "queue", "-o", "json")
    assert after.err == "starting the local stack…\n"
    assert [job["number"] for job in after.json["jobs"]] == [job["number"] for job in before]
    assert tw("api", "status").code == 0
    [local] = (infra for infra in tw("infra", "-o", "json").json["infra"] if infra["name"] == "local")
    assert local["offers"][0]["max_nodes"] == 3
