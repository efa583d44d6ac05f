from tests.integration.gateway.gateway_world import GatewayWorld, spec, submit_of
from tradewind.common.contracts.job import CancelArray, CancelJob, JobPhase, SubmitArray


async def test_a_submission_is_shown_at_once_and_lies_in_the_stream(world: GatewayWorld) -> None:
    answer = await world.http.post("/v1/jobs", json={"spec": spec(), "priority": 7, "max_restarts": 2})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["number"], told["kind"], told["phase"]) == (1, "job", "submitted")
    assert answer.headers["location"] == told["ref"] == f"/v1/jobs/{told['id']}"

    command = submit_of(await world.commands())
    assert (command.id, command.number, command.user) == (told["id"], 1, "ada")
    assert (command.summary.priority, command.summary.max_restarts) == (7, 2)

    job = (await world.http.get(told["ref"])).json()
    assert (job["phase"], job["number"], job["name"], job["version"]) == ("submitted", 1, "train", 0)
    assert job["ranks"] == []
    assert (await world.http.get("/v1/jobs/1")).json()["id"] == told["id"]
    page = (await world.http.get("/v1/jobs")).json()
    assert [one["id"] for one in page["jobs"]] == [told["id"]]
    assert page["jobs"][0]["number"] == 1


async def test_nothing_of_the_environment_leaves(world: GatewayWorld) -> None:
    told = await world.submit()
    await world.tell(told["id"], JobPhase.QUEUED, version=1)
    await world.shown(told["ref"], phase="queued")
    for path in (told["ref"], "/v1/jobs", f"{told['ref']}/events"):
        assert "hush" not in (await world.http.get(path)).text
    for envelope in await world.command_envelopes():
        assert "hush" not in envelope.message.model_dump_json()


async def test_the_owners_word_replaces_ours_and_an_older_one_does_not(world: GatewayWorld) -> None:
    told = await world.submit()
    await world.tell(told["id"], JobPhase.RUNNING, version=3, attempt=2)
    await world.shown(told["ref"], phase="running", attempt=2)
    await world.tell(told["id"], JobPhase.QUEUED, version=2)
    await world.tell(told["id"], JobPhase.SUCCEEDED, version=9, exit_code=0)
    job = await world.shown(told["ref"], phase="succeeded")
    assert (job["version"], job["exit_code"]) == (9, 0)
    await world.tell(told["id"], JobPhase.RUNNING, version=4)
    other = await world.submit()
    await world.tell(other["id"], JobPhase.QUEUED, version=1, number=2)
    await world.shown(other["ref"], phase="queued")
    await world.shown(told["ref"], phase="succeeded")


async def test_an_array(world: GatewayWorld) -> None:
    told = await world.submit(count=3)
    assert (told["kind"], told["number"]) == ("workflow", 1)
    (command,) = await world.commands()
    assert isinstance(command, SubmitArray)
    assert (command.id, command.count, command.number) == (told["id"], 3, 1)
    shown = (await world.http.get(told["ref"])).json()
    assert (shown["phase"], shown["count"], shown["expanded"], shown["jobs"]) == ("submitted", 3, 0, {})

    for index in range(3):
        await world.tell(f"member-{index}", JobPhase.QUEUED, version=1, index=index, workflow=told["id"])
    await world.shown(told["ref"], jobs={"queued": 3})
    assert (await world.http.get("/v1/jobs/1_2")).json()["id"] == "member-2"
    for workflow in (told["id"], "1"):
        page = (await world.http.get("/v1/jobs", params={"workflow": workflow})).json()
        assert [one["index"] for one in page["jobs"]] == [2, 1, 0]
    assert (await world.http.get("/v1/workflows/1")).json()["id"] == told["id"]
    refused = await world.http.get("/v1/jobs/1")
    assert refused.status_code == 404
    assert "is an array" in refused.json()["detail"]

    cancelled = await world.http.post("/v1/jobs/1/cancel")
    assert (cancelled.status_code, cancelled.json()["kind"]) == (202, "workflow")
    assert isinstance((await world.commands())[-1], CancelArray)


async def test_cancel(world: GatewayWorld) -> None:
    told = await world.submit()
    await world.tell(told["id"], JobPhase.QUEUED, version=1)
    await world.shown(told["ref"], phase="queued")
    answer = await world.http.post(f"{told['ref']}/cancel", json={"reason": "too slow"})
    assert (answer.status_code, answer.json()["phase"]) == (202, "queued")
    cancel = (await world.commands())[-1]
    assert isinstance(cancel, CancelJob)
    assert (cancel.id, cancel.reason) == (told["id"], "too slow")

    await world.tell(told["id"], JobPhase.CANCELLED, version=2)
    await world.shown(told["ref"], phase="cancelled")
    before = len(await world.commands())
    again = await world.http.post(f"{told['ref']}/cancel")
    assert (again.status_code, again.json()["phase"]) == (202, "cancelled")
    assert len(await world.commands()) == before


async def test_pages(world: GatewayWorld) -> None:
    ids = [(await world.submit(spec=spec(name=name)))["id"] for name in "abcabca"]
    seen: list[str] = []
    after = None
    for _ in range(4):
        params = {"limit": 2} | ({"after": after} if after else {})
        page = (await world.http.get("/v1/jobs", params=params)).json()
        seen += [one["id"] for one in page["jobs"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ids[::-1]
    named = (await world.http.get("/v1/jobs", params={"name": "a"})).json()
    assert [one["number"] for one in named["jobs"]] == [7, 4, 1]
    assert (await world.http.get("/v1/jobs", params={"phase": "running"})).json()["jobs"] == []
    both = {"phase": ["running", "submitted"], "user": "ada"}
    assert len((await world.http.get("/v1/jobs", params=both)).json()["jobs"]) == 7
    assert (await world.http.get("/v1/jobs", params={"user": "eve"})).json()["jobs"] == []
    assert (await world.http.get("/v1/jobs", params={"workspace": "other"})).json()["jobs"] == []


async def test_the_trace_goes_on_in_the_command(world: GatewayWorld) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for told in (trace, "garbage"):
        answer = await world.http.post("/v1/jobs", json={"spec": spec()}, headers={"traceparent": told})
        assert answer.status_code == 201
    first, second = await world.command_envelopes()
    assert (first.traceparent, second.traceparent) == (trace, "")
    assert first.correlation == first.message.about
