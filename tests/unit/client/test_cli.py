"""`tw` against a scripted gateway: what is sent, shown and asked, and with which code it ends."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.client.scripted_gateway import (
    AWS,
    JOB,
    LOCAL,
    NOW,
    ROOM,
    Answer,
    Request,
    ScriptedGateway,
    Stream,
    cluster,
    end,
    job,
    job_event,
    log,
    offer,
    offers,
    problem,
    taken,
)
from tradewind.client.cli import tw

LOGS = f"/v1/jobs/{JOB}/logs"


def run(*words: str, says: str | None = None) -> Result:
    return CliRunner().invoke(tw, words, input=says, catch_exceptions=False)


@pytest.fixture
def ready(gateway: ScriptedGateway) -> ScriptedGateway:
    """A gateway that takes a job, which prints a line and succeeds; this machine costs nothing."""
    gateway.route("POST", "/v1/offers", offers(offer(LOCAL), offer(AWS, enabled=False)))
    gateway.route("POST", "/v1/jobs", taken())
    gateway.route("GET", f"/v1/jobs/{JOB}", Answer(200, job()))
    gateway.route("GET", "/v1/jobs/7", Answer(200, job()))
    gateway.route("GET", LOGS, Stream(log("hello\n") + end("succeeded", 0)))
    gateway.route("GET", "/v1/events", Stream(job_event(JOB, "running") + job_event(JOB, "succeeded", "2")))
    return gateway


def submitted(gateway: ScriptedGateway) -> Request:
    [request] = gateway.seen("POST", "/v1/jobs")
    return request


def test_launch_follows_to_the_end(ready: ScriptedGateway):
    done = run("launch", "-c", "dev", "echo", "hello")
    assert (done.exit_code, done.stdout) == (0, "hello\n")
    assert "job 7 (tw-cmd) submitted on cluster dev" in done.stderr
    assert "job 7: running" in done.stderr
    assert "job 7 (train) succeeded" in done.stderr
    sent = submitted(ready).json
    assert sent["cluster"] == "dev"
    assert sent["spec"]["roles"][0]["run"] == "echo hello"


def test_launch_without_a_name_makes_one(ready: ScriptedGateway):
    assert run("launch", "ls").exit_code == 0
    assert submitted(ready).json["cluster"].startswith("tw-")


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (end("succeeded", 0), 0),
        (end("failed", 3), 3),
        (end("failed", 137), 137),
        (end("failed"), 100),
        (end("cancelled"), 103),
        (end("running"), 101),
    ],
)
def test_it_ends_with_the_code_of_the_job(ready: ScriptedGateway, ended: str, code: int):
    ready.route("GET", LOGS, Stream(ended))
    assert run("launch", "ls").exit_code == code
    assert run("jobs", "launch", "ls").exit_code == code
    assert run("logs", "7").exit_code == code
    assert run("logs", "--no-follow", "7").exit_code == code
    assert run("jobs", "logs", "7").exit_code == code


def test_a_control_plane_that_goes_away_for_good(ready: ScriptedGateway):
    ready.route("GET", LOGS, Stream(log("hello\n"), cut=True), Answer(hang_up=True))
    done = run("jobs", "launch", "ls")
    assert (done.exit_code, done.stdout) == (1, "hello\n")
    assert "job 7 goes on by itself: `tw logs 7` follows it again later" in done.stderr
    assert "tw: nobody answers at http://127.0.0.1" in done.stderr


def test_detached(ready: ScriptedGateway):
    done = run("jobs", "launch", "-d", "-n", "x", "ls")
    assert (done.exit_code, done.stdout) == (0, "7\n")
    assert not ready.seen("GET", LOGS)


@pytest.mark.parametrize(("options", "restarts"), [((), 5), (("--max-restarts-on-errors", "0"), 0)])
def test_how_often_to_restart_is_said_by_the_file_or_by_an_option(
    ready: ScriptedGateway, tmp_path: Path, options: tuple[str, ...], restarts: int
):
    file = tmp_path / "train.yaml"
    file.write_text(
        "resources: {job_recovery: {strategy: FAILOVER, max_restarts_on_errors: 5}, race: 2}\n"
        "run: ls\non_reclaim: save\non_loss: rank\n"
    )
    assert run("jobs", "launch", str(file), "-d", "-y", *options).exit_code == 0
    sent = submitted(ready).json
    assert sent["max_restarts"] == restarts
    assert (sent["spec"]["recovery"], sent["spec"]["race"]) == ("FAILOVER", 2)
    assert (sent["spec"]["roles"][0]["on_reclaim"], sent["spec"]["roles"][0]["on_loss"]) == ("save", "rank")


def test_as_json(ready: ScriptedGateway):
    done = run("jobs", "launch", "-d", "-o", "json", "ls")
    told = json.loads(done.stdout)
    assert (told["id"], told["phase"], told["submitted_at"]) == (
        JOB,
        "running",
        "2026-01-02T03:04:05.600000+00:00",
    )
    ready.route("GET", f"/v1/jobs/{JOB}", Answer(200, job("failed", exit_code=4)))
    waited = run("jobs", "launch", "-o", "json", "ls")
    assert (waited.exit_code, json.loads(waited.stdout)["exit_code"]) == (4, 4)


def test_ranks_are_named_where_there_are_several(ready: ScriptedGateway):
    ready.route("GET", f"/v1/jobs/{JOB}", Answer(200, job(size=2)))
    ready.route(
        "GET", LOGS, Stream(log("a", rank=0) + log("b\nc", rank=1) + log("A\n", rank=0) + end("succeeded", 0))
    )
    assert run("jobs", "launch", "ls").stdout == "(rank 1) b\n(rank 0) aA\n(rank 1) c\n"


def test_a_task_file_with_options(ready: ScriptedGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FROM_HERE", "here")
    Path("code").mkdir()
    Path("code/a.py").write_text("print()")
    Path("train.yaml").write_text("workdir: code\nenvs: {A: 1, B: }\nrun: python a.py\n")
    ready.route("POST", "/v1/blobs", Answer(201, {}))
    done = run(
        "jobs", "launch", "train.yaml", "-d", "--env", "B=x=y", "--env", "FROM_HERE", "--num-nodes", "2",
        "--cpus", "4+", "--memory", "4x", "--gpus", "L4:2", "--infra", "aws", "--use-spot", "--priority", "9",
        "--max-restarts-on-errors", "3", "-y",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    sent = submitted(ready).json
    assert (sent["priority"], sent["max_restarts"], sent["spec"]["name"]) == (9, 3, "train")
    assert sent["spec"]["envs"] == {"A": "1", "B": "x=y", "FROM_HERE": "here"}
    assert sent["spec"]["roles"][0]["count"] == 2
    assert sent["spec"]["roles"][0]["shape"] == {
        "cpus": 4.0, "memory_gib": 16.0, "accelerator": "L4", "accelerator_count": 2, "infra": "aws",
        "use_spot": True,
    }  # fmt: skip
    assert sent["spec"]["workdir"] == ready.seen("POST", "/v1/blobs")[0].query["sha256"]


def test_a_task_from_standard_input(ready: ScriptedGateway):
    assert run("jobs", "launch", "-d", "-", says="run: ls\n").exit_code == 0
    assert submitted(ready).json["spec"]["name"] == "stdin"


def test_an_array_is_not_followed(ready: ScriptedGateway):
    ready.route("POST", "/v1/jobs", taken(kind="workflow"))
    done = run("jobs", "launch", "--num-jobs", "100", "ls")
    assert (done.exit_code, done.stdout) == (0, "7\n")
    assert submitted(ready).json["count"] == 100


def test_what_is_wrong_in_a_file_is_told_and_nothing_is_sent(gateway: ScriptedGateway, tmp_path: Path):
    file = tmp_path / "t.yaml"
    file.write_text("runn: ls\nnum_nodes: 0\n")
    done = run("launch", str(file))
    assert done.exit_code == 2
    assert done.stderr == (
        f"tw: {file}:1:1: runn: is unknown: did you mean `run`?\n"
        f"{file}:2:12: num_nodes: '0' is not a number of nodes: write a whole number from 1 to 10000\n"
    )
    assert gateway.requests == []


def test_a_workdir_that_is_not_there(ready: ScriptedGateway, tmp_path: Path):
    file = tmp_path / "t.yaml"
    file.write_text("run: ls\nworkdir: nowhere\n")
    done = run("launch", "-y", str(file))
    assert done.exit_code == 2
    assert f"tw: {file}:2:1: workdir: there is no folder nowhere\n" in done.stderr


class TestMoney:
    """Before money is spent the price is shown, and somebody must agree."""

    @pytest.fixture
    def costly(self, ready: ScriptedGateway) -> ScriptedGateway:
        ready.route("POST", "/v1/offers", offers(offer(AWS, nodes=2), offer(LOCAL, enabled=False)))
        return ready

    def test_nobody_is_there_to_agree(self, costly: ScriptedGateway):
        done = run("launch", "ls")
        assert done.exit_code == 2
        assert done.stderr.endswith(
            "tw: this costs $0.7680 an hour: say -y to agree, there is no terminal to ask on\n"
        )
        assert not costly.seen("POST", "/v1/jobs")

    def test_agreed_beforehand(self, costly: ScriptedGateway):
        done = run("launch", "-y", "ls")
        assert done.exit_code == 0
        head, row, *_ = done.stderr.splitlines()
        assert head.split() == ["INFRA", "$/H", "ENABLED", "INSTANCE", "VCPUS", "MEM(GIB)", "GPUS", "SPOT"]
        assert row.split() == ["aws/us-east-1", "$0.7680", "yes", "m6i.2xlarge", "8", "32", "-", "-"]

    @pytest.mark.parametrize(("answer", "sent"), [("y", 1), ("\n", 1), ("n", 0)])
    def test_asked(self, costly: ScriptedGateway, monkeypatch: pytest.MonkeyPatch, answer: str, sent: int):
        monkeypatch.setattr("tradewind.client.cli.asking.can_ask", lambda: True)
        done = run("jobs", "launch", "ls", says=answer)
        assert len(costly.seen("POST", "/v1/jobs")) == sent
        assert (done.exit_code == 0) == bool(sent)

    def test_a_cluster_that_is_there_costs_no_more(self, costly: ScriptedGateway):
        costly.route("GET", "/v1/clusters/dev", Answer(200, cluster("dev")))
        assert run("launch", "-c", "dev", "ls").exit_code == 0
        assert not costly.seen("POST", "/v1/offers")

    def test_a_price_that_is_not_known_must_be_agreed(self, costly: ScriptedGateway):
        costly.route("POST", "/v1/offers", problem(503, "the optimizer is away"))
        assert run("launch", "ls").exit_code == 2
        assert run("launch", "-y", "ls").exit_code == 0

    @pytest.mark.parametrize(
        ("found", "said"),
        [
            (offers(why_none="no offer has 9 of H100"), "no offer fits: no offer has 9 of H100\n"),
            (offers(), "this waits until something can run it, and then costs what is not known now: "),
            (
                offers(offer(AWS, enabled=False)),
                "this waits until one of these can be launched from here, then costs $0.3840 an hour or more",
            ),
        ],
    )
    def test_what_nothing_can_run_waits_once_agreed(self, costly: ScriptedGateway, found: Answer, said: str):
        costly.route("POST", "/v1/offers", found)
        done = run("launch", "ls")
        assert done.exit_code == 2
        assert said in done.stderr
        assert run("launch", "-y", "ls").exit_code == 0

    def test_only_to_see_it(self, costly: ScriptedGateway):
        done = run("launch", "--dryrun", "ls")
        assert done.exit_code == 0
        assert "m6i.2xlarge" in done.stdout
        assert json.loads(run("offers", "-o", "json", "ls").stdout)["candidates"][0]["hourly_usd"] == 0.768
        assert not costly.seen("POST", "/v1/jobs")


def test_exec_leaves_setup_out(ready: ScriptedGateway):
    ready.route("GET", "/v1/clusters/dev", Answer(200, cluster("dev")))
    assert run("exec", "dev", "-", says="setup: pip install x\nrun: ls\n").exit_code == 0
    assert submitted(ready).json["spec"]["roles"][0]["setup"] is None
    gone = run("exec", "gone", "ls")
    assert (gone.exit_code, gone.stderr) == (
        102,
        "tw: there is no cluster gone: `tw launch -c gone` makes one\n",
    )


def page(*jobs: dict[str, object]) -> Answer:
    return Answer(200, {"jobs": list(jobs), "next": None, "observed_at": NOW})


def test_status(gateway: ScriptedGateway):
    gateway.route("GET", "/v1/clusters", Answer(200, {"clusters": [cluster(), cluster(None, place=None)]}))
    gateway.route("GET", "/v1/jobs", page(job("recovering", reason="node lost", restarts=2)))
    shown = run("status").stdout
    assert [line.split()[:2] for line in shown.splitlines()] == [
        ["NAME", "INFRA"], ["dev", "aws/us-east-1"], ["(jobs)", "-"], [], ["Jobs", "under"], ["ID", "NAME"],
        ["7", "train"],
    ]  # fmt: skip
    assert "node lost" in shown
    assert gateway.seen("GET", "/v1/jobs")[0].query["phase"] == "cancelling"  # the last of those under way
    told = json.loads(run("status", "-o", "json").stdout)
    assert (told["clusters"][0]["place"]["instance_type"], told["jobs"][0]["restarts"]) == ("m6i.2xlarge", 2)


def test_status_tells_of_nodes_that_are_about_to_be_reclaimed(gateway: ScriptedGateway):
    def node(id: str, **more: object) -> dict[str, object]:
        return {
            "id": id, "phase": "draining", "cluster": "c", "instance": "i", "address": "10.0.0.1",
            "place": AWS, "room": ROOM, "launched_at": NOW, **more,
        }  # fmt: skip

    at = datetime(2026, 1, 2, 3, 6, 5, tzinfo=UTC)
    later = (at + timedelta(seconds=20)).isoformat()
    nodes = [
        node("n1", reclaim_at=later),
        node("n2", reclaim_at=at.isoformat()),
        node("n3", reclaim_at=NOW, ended_at=NOW),
        node("n4"),
    ]
    gateway.route("GET", "/v1/clusters", Answer(200, {"clusters": [cluster(nodes=nodes)]}))
    gateway.route("GET", "/v1/jobs", page())
    here = at.astimezone().strftime("%H:%M:%S")
    assert f"2 nodes to be reclaimed at {here}\n" in run("status").stdout
    assert json.loads(run("status", "-o", "json").stdout)["clusters"][0]["nodes"][0]["reclaim_at"] == later


def test_status_of_a_cluster_that_is_not_there(gateway: ScriptedGateway):
    gateway.route("GET", "/v1/clusters", Answer(200, {"clusters": [cluster()]}))
    done = run("status", "dev", "gone")
    assert (done.exit_code, done.stderr) == (102, "tw: there is no cluster gone\n")
    assert "dev" in done.stdout


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({"spot": True, "price_usd_h": 0.3, "on_demand_usd_h": 1.0}, "spot, 70% off"),
        ({"spot": True, "price_usd_h": 0.3}, "spot"),
        ({"spot": True, "price_usd_h": 0.3, "on_demand_usd_h": 0.2}, "spot"),
        ({"spot": False, "price_usd_h": 0.3, "on_demand_usd_h": 0.3}, "-"),
    ],
)
def test_an_offer_on_spot_tells_what_it_saves(gateway: ScriptedGateway, place: dict[str, object], told: str):
    gateway.route("POST", "/v1/offers", offers(offer({**AWS, **place})))
    assert run("offers", "ls").stdout.splitlines()[1].endswith(f" {told}")


def test_queues(gateway: ScriptedGateway):
    gateway.route(
        "GET", "/v1/clusters", Answer(200, {"clusters": [cluster("a"), cluster("b"), cluster(None)]})
    )
    gateway.route("GET", "/v1/clusters/a", Answer(200, cluster("a")))
    gateway.route("GET", "/v1/jobs", page(job("failed", exit_code=3, ended_at=NOW)), page(), page())
    row = run("queue").stdout.splitlines()[1].split()
    assert row[-2:] == ["failed", "(3)"]
    assert [request.query["cluster"] for request in gateway.seen("GET", "/v1/jobs")] == ["a", "b"]
    assert run("queue", "a").stdout == "No jobs.\n"
    assert run("queue", "gone").exit_code == 102
    gateway.route("GET", "/v1/jobs", page(job(), job(number=8, index=3)))
    assert [line.split()[0] for line in run("jobs", "queue", "--limit", "2").stdout.splitlines()] == [
        "ID",
        "7",
        "8_3",
    ]
    assert len(json.loads(run("jobs", "queue", "-o", "json").stdout)["jobs"]) == 2


def test_logs_of_a_cluster(ready: ScriptedGateway):
    ready.route("GET", "/v1/jobs", page(job(cluster="dev")))
    ready.route("GET", "/v1/jobs/8", Answer(200, job(cluster="other")))
    assert run("logs", "dev").stdout == "hello\n"
    wrong = run("logs", "dev", "8")
    assert wrong.exit_code == 2
    assert "job 7 is not on cluster dev: it is on other" in wrong.stderr
    ready.route("GET", "/v1/jobs", page())
    assert run("logs", "gone").exit_code == 102


def test_logs_pass_their_options_on(ready: ScriptedGateway):
    assert run("logs", "7", "--no-follow", "--tail", "5", "-w", "1").exit_code == 0
    assert ready.seen("GET", LOGS)[0].query == {"tail": "5", "rank": "1"}


def test_cancel(gateway: ScriptedGateway):
    for ref in ("7", "8_2", JOB):
        gateway.route("POST", f"/v1/jobs/{ref}/cancel", Answer(202, {"phase": "cancelling"}))
    gateway.route("GET", "/v1/jobs", page(job()))
    gateway.route("GET", "/v1/jobs/7", Answer(200, job(cluster="dev")))
    assert run("cancel", "7", "8_2").stdout == "job 7: cancelling\njob 8_2: cancelling\n"
    assert run("cancel", "dev", "7").stdout == f"job {JOB}: cancelling\n"
    assert run("jobs", "cancel", "-n", "train", "-y").stdout == f"job {JOB}: cancelling\n"
    assert gateway.seen("GET", "/v1/jobs")[0].query["name"] == "train"
    assert run("cancel", "-a", "-y", "dev").exit_code == 0
    assert gateway.seen("GET", "/v1/jobs")[1].query["cluster"] == "dev"
    assert run("jobs", "cancel", "99").exit_code == 102
    assert run("cancel").exit_code == run("jobs", "cancel", "-a", "7").exit_code == 2


def test_down(gateway: ScriptedGateway):
    gateway.route(
        "GET", "/v1/clusters", Answer(200, {"clusters": [cluster("a"), cluster("b"), cluster(None)]})
    )
    for name in ("a", "b"):
        gateway.route("POST", f"/v1/clusters/{name}/down", Answer(202, {"phase": "draining"}))
    assert run("down", "a").exit_code == 2
    assert run("down", "-y", "a", "gone").exit_code == 102
    assert not [request for request in gateway.requests if request.method == "POST"]
    assert run("down", "-y", "a", "a").stdout == "cluster a: going down\n"
    assert run("down", "-y", "-a").stdout == "cluster a: going down\ncluster b: going down\n"
    assert run("down").exit_code == 2


def test_events(gateway: ScriptedGateway):
    gateway.route(
        "GET", "/v1/events", Stream(job_event(JOB, "running") + job_event(JOB, "failed", "2", exit_code=3))
    )
    shown = run("events", "--job", "7", "--type", "job.*", "--since", "2026-01-01").stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in shown] == [
        "job.running             7 train running",
        "job.failed              7 train failed exit code 3",
    ]
    assert gateway.requests[0].query == {"job": "7", "type": "job.*", "since": "2026-01-01"}
    assert [json.loads(line)["type"] for line in run("events", "-o", "json").stdout.splitlines()] == [
        "tradewind.job.running", "tradewind.job.failed",
    ]  # fmt: skip


def test_infra(gateway: ScriptedGateway):
    own = {"place": LOCAL, "max_nodes": 4, "in_use": 1}
    found = [
        {"name": "local", "enabled": True, "why": "", "offers": [own]},
        {"name": "aws", "enabled": False, "why": "no credentials", "offers": []},
    ]
    gateway.route("GET", "/v1/infra", Answer(200, {"infra": found}))
    assert run("infra").stdout.splitlines()[1:] == [
        "local  yes      1/4",
        "aws    no       -      no credentials",
    ]


def test_dead_letters(gateway: ScriptedGateway):
    letter = {
        "seq": 4, "service": "scheduler", "why": "the type 'x' is unknown", "type": "x", "about": "j",
        "subject": "evt.default.job.x", "time": NOW, "body": {"a": 1},
    }  # fmt: skip
    gateway.route("GET", "/v1/dead-letters", Answer(200, {"letters": [letter]}), Answer(200, {"letters": []}))
    gateway.route(
        "POST", "/v1/dead-letters/4/redrive", Answer(202, {"seq": 4, "subject": "evt.default.job.x"})
    )
    assert run("api", "dlq").stdout.splitlines()[1].split()[:2] == ["4", "scheduler"]
    assert run("api", "dlq").stdout == "No dead letters.\n"
    assert run("api", "dlq", "redrive", "4").stdout == "4: sent to evt.default.job.x\n"
    assert run("api", "dlq", "redrive", "5").exit_code == 102


def test_api_status(gateway: ScriptedGateway):
    service = {
        "service": "scheduler",
        "stream": "EVENTS",
        "pending": 3,
        "unacked": 0,
        "last_active": NOW,
        "ok": True,
    }
    gateway.route(
        "GET",
        "/v1/status",
        Answer(200, {"services": [service]}),
        Answer(200, {"services": [{**service, "ok": False}]}),
    )
    well = run("api", "status")
    assert (well.exit_code, well.stdout.splitlines()[2].split()) == (
        0,
        ["scheduler", "EVENTS", "3", "0", "yes"],
    )
    assert run("api", "status").exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lunch", "x.yaml"), "there is no command 'lunch': did you mean 'launch'?"),
        (("jobs", "queu"), "there is no command 'queu': did you mean 'queue'?"),
        (("launch",), "Missing argument 'FILE|COMMAND...'"),
        (("launch", "no.yaml"), "tw: no.yaml: cannot be read: no such file or directory"),
        (("launch", "--num-nodes", "0", "ls"), "Invalid value for '--num-nodes'"),
        (("launch", "--cpus", "x", "ls"), "tw: --cpus: 'x' is not a number of CPUs"),
        (("launch", "--env", "NOT_SET_HERE", "ls"), "--env NOT_SET_HERE: it has no value here"),
        (("launch", "-n", "a/b", "ls"), "tw: --name: 'a/b' is no name"),
        (("logs", "a", "7", "8"), "name one job"),
        (("config", "set", "local.cores", "4"), "there is no setting 'local.cores'"),
        (("config", "set", "local.nodes", "0"), "Invalid value for 'VALUE'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_code_2(gateway: ScriptedGateway, words: tuple[str, ...], said: str):
    done = run(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (problem(503, "the store is away"), 1, "tw: the store is away\n"),
        (problem(422, "limit: at most 500"), 2, "tw: limit: at most 500\n"),
        (Answer(500, b"oops"), 1, "tw: the server answered with status 500\n"),
        (Answer(200, {"clusters": [{}]}), 1, None),
        (Answer(hang_up=True), 1, None),
    ],
)
def test_what_the_gateway_refuses_is_one_sentence(
    gateway: ScriptedGateway, answer: Answer, code: int, said: str | None
):
    gateway.route("GET", "/v1/clusters", answer)
    done = run("status")
    assert done.exit_code == code
    assert done.stderr.startswith("tw: ")
    assert done.stderr.count("\n") == 1
    assert said is None or done.stderr == said


def test_a_wrong_token_and_a_wrong_address(gateway: ScriptedGateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRADEWIND_TOKEN", "wrong")
    assert (run("status").exit_code, run("status").stderr) == (1, "tw: the token is wrong\n")
    monkeypatch.setenv("TRADEWIND_ENDPOINT", "localhost:80")
    done = run("status")
    assert done.exit_code == 2
    assert (
        done.stderr
        == "tw: 'localhost:80' is no address of a control plane: write it as http://127.0.0.1:7433\n"
    )
