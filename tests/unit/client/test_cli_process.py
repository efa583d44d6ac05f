"""`tw` as a process: what it loads, and how it takes ctrl-C and a reader who goes away."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from tests.unit.client.scripted_gateway import (
    JOB,
    Answer,
    Request,
    ScriptedGateway,
    Stream,
    cluster,
    job,
    job_event,
    log,
)

TW = [sys.executable, "-c", "from tradewind.client.cli import main; main()"]


def modules_loaded(*words: str) -> set[str]:
    script = (
        "import atexit, sys; from tradewind.client.cli import main;"
        "atexit.register(lambda: print(*sys.modules, sep='\\n', file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        text=True,
    )
    return set(done.stderr.split())


SLOW = {"asyncio", "httpx", "pydantic", "rich", "yaml", "ssl", "tarfile", "subprocess", "importlib.metadata"}


@pytest.mark.parametrize("words", [("--help",), ("jobs", "--help"), ("api", "--help")])
def test_help_loads_next_to_nothing(words: tuple[str, ...]):
    loaded = modules_loaded(*words)
    assert not loaded & (SLOW | {"http.client", "json", "tradewind.client.records"})


@pytest.mark.parametrize("words", [("status",), ("jobs", "queue")])
def test_what_is_often_asked_loads_nothing_slow(gateway: ScriptedGateway, words: tuple[str, ...]):
    gateway.route("GET", "/v1/clusters", Answer(200, {"clusters": [cluster()]}))
    gateway.route(
        "GET", "/v1/jobs", Answer(200, {"jobs": [job()], "next": None, "observed_at": job()["observed_at"]})
    )
    loaded = modules_loaded(*words)
    assert not loaded & (SLOW - {"ssl"})  # http.client loads ssl itself
    assert "tradewind.client.task" not in loaded


def test_control_c_leaves_the_job_running(gateway: ScriptedGateway):
    goes_on = threading.Event()

    def never_ends(request: Request) -> Stream:
        goes_on.wait(20)
        return Stream("")

    gateway.route("GET", "/v1/jobs/7", Answer(200, job()))
    gateway.route("GET", f"/v1/jobs/{JOB}/logs", Stream(log("hello\n"), cut=True), never_ends)
    gateway.route("GET", "/v1/events", Stream(job_event(JOB, "running")), never_ends)
    with subprocess.Popen(
        [*TW, "logs", "7"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as followed:
        assert followed.stdout
        assert followed.stderr
        assert followed.stdout.readline() == "hello\n"
        followed.send_signal(signal.SIGINT)
        said = followed.stderr.read()
        goes_on.set()
        assert followed.wait() == 130
    assert said.splitlines()[-1] == "detached; job 7 goes on: `tw logs 7` follows it, `tw cancel 7` ends it"
    assert "Traceback" not in said
    assert not [request for request in gateway.requests if request.method == "POST"]


def test_a_reader_who_has_seen_enough(gateway: ScriptedGateway):
    gateway.route(
        "GET", "/v1/events", Stream("".join(job_event(JOB, "running", str(n)) for n in range(20_000)))
    )
    read, write = os.pipe()
    with subprocess.Popen([*TW, "events"], stdout=write, stderr=subprocess.PIPE, text=True) as shown:
        os.close(write)
        os.read(read, 100)
        os.close(read)
        assert shown.stderr
        assert shown.stderr.read() == ""
        assert shown.wait() == 1
