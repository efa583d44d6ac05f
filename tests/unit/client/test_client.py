"""The two clients, over a real connection: retries, streams, errors, uploads."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.client.scripted_gateway import (
    AWS,
    JOB,
    LOCAL,
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
from tradewind.client import (
    AsyncClient,
    Client,
    Conflict,
    Invalid,
    JobSpec,
    NotFound,
    RoleSpec,
    Shape,
    TradewindError,
    Unauthorized,
    Unavailable,
    Unexpected,
    from_command,
)
from tradewind.client.records import LogChunk, LogEnd

SPEC = JobSpec(name="train", roles=(RoleSpec(run="ls"),))


def test_submit(gateway: ScriptedGateway, client: Client):
    gateway.route("POST", "/v1/jobs", taken())
    job = client.submit(SPEC, priority=5, max_restarts=2, cluster="dev")
    assert (job.id, job.number) == (JOB, 7)
    sent = gateway.requests[0].json
    assert JobSpec.model_validate(sent.pop("spec")) == SPEC
    assert sent == {"priority": 5, "max_restarts": 2, "cluster": "dev"}


def test_a_submission_made_again_has_the_same_key(gateway: ScriptedGateway, client: Client):
    gateway.route("POST", "/v1/jobs", problem(503, "the bus is away"), Answer(hang_up=True), taken())
    client.submit(SPEC)
    client.submit(SPEC)
    keys = [request.headers["Idempotency-Key"] for request in gateway.requests]
    assert len(keys) == 4
    assert len(set(keys[:3])) == 1
    assert keys[3] != keys[0]


def test_calls_share_a_connection(gateway: ScriptedGateway, client: Client):
    gateway.route("GET", "/v1/infra", Answer(200, {"infra": []}))
    client.infra()
    client.infra()
    assert {request.connection for request in gateway.requests} == {1}


def test_a_connection_that_was_closed_meanwhile_is_no_failure(gateway: ScriptedGateway, client: Client):
    gateway.route("GET", "/v1/infra", Answer(200, {"infra": []}, {"Connection": "close"}))
    assert client.infra() == client.infra() == ()


def test_what_must_not_be_done_twice_is_tried_once(gateway: ScriptedGateway, client: Client):
    gateway.route("POST", "/v1/dead-letters/4/redrive", problem(503, "the bus is away"))
    with pytest.raises(Unavailable, match="the bus is away"):
        client.redrive(4)
    assert len(gateway.requests) == 1


def test_when_nobody_answers_it_says_so():
    with Client("http://127.0.0.1:9") as client, pytest.raises(Unavailable) as error:
        client.infra()
    assert str(error.value) == "nobody answers at http://127.0.0.1:9 (connection refused)"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (problem(400, "not JSON"), Invalid, "not JSON"),
        (problem(404, "there is no job 8"), NotFound, "there is no job 8"),
        (problem(409, "used with another body"), Conflict, "used with another body"),
        (problem(422, "must be 1 or more", field="spec.x"), Invalid, "spec.x: must be 1 or more"),
        (problem(500, "a fault"), Unexpected, "a fault"),
        (Answer(500, b"oops"), Unexpected, "the server answered with status 500"),
        (Answer(404, b"[]"), NotFound, "the server answered with status 404"),
        (Answer(200, b"oops"), Unexpected, "the server's answer to GET /v1/jobs/8 is not JSON"),
        (Answer(200, {"id": "x"}), Unexpected, None),
        (Answer(200, {**job(), "submitted_at": "yesterday"}), Unexpected, None),
        (Answer(200, []), Unexpected, None),
    ],
)  # fmt: skip
def test_errors(
    gateway: ScriptedGateway, client: Client, answer: Answer, kind: type[TradewindError], said: str | None
):
    gateway.route("GET", "/v1/jobs/8", answer)
    with pytest.raises(TradewindError) as error:
        client.job_info(8)
    assert type(error.value) is kind
    assert said is None or str(error.value) == said


def test_a_wrong_token(gateway: ScriptedGateway):
    with Client(gateway.url, "wrong") as client, pytest.raises(Unauthorized, match="the token is wrong"):
        client.infra()


def test_jobs_come_by_pages(gateway: ScriptedGateway, client: Client):
    def page(request: Request) -> Answer:
        last = int(request.query.get("after", 0))
        rows = [job(number=n) for n in range(last + 1, last + 4)]
        return Answer(
            200,
            {
                "jobs": rows,
                "next": str(last + 3) if last < 6 else None,
                "observed_at": "2026-01-01T00:00:00+00:00",
            },
        )

    gateway.route("GET", "/v1/jobs", page)
    assert [each.number for each in client.jobs(phases=["running"])] == list(range(1, 10))
    assert [each.number for each in client.jobs(limit=4)] == [1, 2, 3, 4]
    assert gateway.requests[0].query["phase"] == "running"


def test_logs_go_on_where_the_stream_broke(gateway: ScriptedGateway, client: Client):
    gateway.route(
        "GET",
        f"/v1/jobs/{JOB}/logs",
        Stream(": hello\n\n" + log("one\n", id="4") + "id: 5\nevent: log\nda", cut=True),
        problem(503, "away"),
        Stream(log("two\n", id="5")),
        Stream(log("three\n", id="6") + end("failed", 3)),
    )
    pieces = list(client.logs(JOB, tail=10))
    assert [piece.text for piece in pieces if isinstance(piece, LogChunk)] == ["one\n", "two\n", "three\n"]
    assert pieces[-1] == LogEnd(phase="failed", exit_code=3)
    asked = gateway.seen("GET", f"/v1/jobs/{JOB}/logs")
    assert [request.headers.get("Last-Event-ID") for request in asked] == [None, "4", "4", "5"]
    assert asked[0].query == {"follow": "true", "tail": "10"}


def test_a_stream_that_breaks_again_and_again_is_given_up(gateway: ScriptedGateway, client: Client):
    gateway.route("GET", "/v1/events", Stream("", cut=True))
    with pytest.raises(Unavailable):
        list(client.events(follow=True))


def test_a_stream_that_is_refused_is_not_tried_again(gateway: ScriptedGateway, client: Client):
    gateway.route("GET", "/v1/jobs/8/logs", problem(404, "there is no job 8"))
    with pytest.raises(NotFound, match="there is no job 8"):
        list(client.logs(8))
    assert len(gateway.requests) == 1


def test_wait_goes_by_events(gateway: ScriptedGateway, client: Client):
    gateway.route(
        "GET",
        f"/v1/jobs/{JOB}",
        *[Answer(200, job("running"))] * 3,
        Answer(200, job("succeeded", exit_code=0)),
    )
    gateway.route(
        "GET",
        "/v1/events",
        Stream(job_event(JOB, "running") + job_event("other", "failed") + job_event(JOB, "succeeded")),
    )
    info = client.job(JOB).wait(timeout=5)
    assert (info.phase, info.ended, info.exit_code) == ("succeeded", True, 0)
    assert gateway.seen("GET", "/v1/events")[0].query == {"follow": "true", "job": JOB}


def test_wait_has_an_end(gateway: ScriptedGateway, client: Client):
    gateway.route("GET", f"/v1/jobs/{JOB}", Answer(200, job("running")))
    gateway.route("GET", "/v1/events", lambda request: Stream(job_event(JOB, "running"), cut=True))
    with pytest.raises(TimeoutError):
        client.job(JOB).wait(timeout=0.05)


def test_a_folder_is_sent_once(gateway: ScriptedGateway, client: Client, tmp_path: Path):
    (tmp_path / "a.txt").write_text("hello")
    blobs: dict[str, bytes] = {}

    def keep(request: Request) -> Answer:
        blobs[request.query["sha256"]] = request.body
        gateway.route("HEAD", f"/v1/blobs/{request.query['sha256']}", Answer(200))
        return Answer(201, {})

    gateway.route("POST", "/v1/blobs", Answer(hang_up=True), keep)
    gateway.route("POST", "/v1/jobs", taken())
    task = from_command("ls")
    client.upload(tmp_path)
    client.upload(tmp_path)
    assert task.folder is None
    [(sha256, body)] = blobs.items()
    assert len(gateway.seen("POST", "/v1/blobs")) == 2
    assert len(body) % 512 == 0
    assert client.upload(tmp_path) == sha256


def test_the_rest_of_the_calls(gateway: ScriptedGateway, client: Client):
    gateway.route("GET", "/v1/clusters", Answer(200, {"clusters": [cluster(), cluster(None, place=None)]}))
    gateway.route("GET", "/v1/clusters/a%2Fb", Answer(200, cluster("a/b")))
    gateway.route(
        "POST", "/v1/clusters/dev/down", Answer(202, {"id": "c1", "name": "dev", "phase": "draining"})
    )
    gateway.route("POST", "/v1/offers", offers(offer(LOCAL), offer(AWS, enabled=False, nodes=2)))
    gateway.route(
        "POST",
        f"/v1/jobs/{JOB}/cancel",
        Answer(202, {"id": JOB, "kind": "job", "number": 7, "phase": "cancelling"}),
    )
    gateway.route("GET", f"/v1/jobs/{JOB}", Answer(200, job()))
    named, unnamed = client.clusters(all=True)
    assert (named.name, named.place and str(named.place), unnamed.name, unnamed.place) == (
        "dev",
        "aws/us-east-1",
        None,
        None,
    )
    assert client.cluster("a/b").name == "a/b"
    assert client.down("dev") == "draining"
    found = client.offers(Shape(cpus=4), count=2)
    assert [(each.place.infra, each.enabled, each.hourly_usd) for each in found.candidates] == [
        ("local", True, 0),
        ("aws", False, 0.768),
    ]
    assert client.job(JOB).cancel("enough") == "cancelling"
    assert gateway.seen("POST", f"/v1/jobs/{JOB}/cancel")[0].json == {"reason": "enough"}


async def test_the_same_awaited(gateway: ScriptedGateway, tmp_path: Path):
    (tmp_path / "a.txt").write_text("hello")
    gateway.route("POST", "/v1/blobs", Answer(201, {}))
    gateway.route("POST", "/v1/jobs", problem(503, "away"), Answer(hang_up=True), taken())
    gateway.route(
        "GET", f"/v1/jobs/{JOB}", Answer(200, job()), Answer(200, job()), Answer(200, job("succeeded"))
    )
    gateway.route(
        "GET",
        "/v1/events",
        Stream(job_event(JOB, "running"), cut=True),
        Stream(job_event(JOB, "succeeded", "2")),
    )
    gateway.route(
        "GET",
        f"/v1/jobs/{JOB}/logs",
        Stream(log("one\n", id="4"), cut=True),
        Stream(log("two\n", id="5") + end("succeeded", 0)),
    )
    async with AsyncClient() as client:
        sha256 = await client.upload(tmp_path)
        made = await client.submit(SPEC.but(workdir=sha256))
        assert (await made.wait()).phase == "succeeded"
        assert [piece async for piece in made.logs()][-1] == LogEnd(phase="succeeded", exit_code=0)
        with pytest.raises(NotFound):
            await client.cluster("none")
    keys = {request.headers["Idempotency-Key"] for request in gateway.seen("POST", "/v1/jobs")}
    assert len(keys) == 1
    assert gateway.seen("POST", "/v1/blobs")[0].query == {"sha256": sha256}
    assert [
        request.headers.get("Last-Event-ID") for request in gateway.seen("GET", f"/v1/jobs/{JOB}/logs")
    ] == [None, "4"]


async def test_many_at_once(gateway: ScriptedGateway):
    gateway.route("GET", f"/v1/jobs/{JOB}", Answer(200, job()))
    async with AsyncClient() as client:
        infos = await asyncio.gather(*(client.job_info(JOB) for _ in range(20)))
    assert {info.phase for info in infos} == {"running"}
