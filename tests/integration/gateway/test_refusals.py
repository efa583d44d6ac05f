"""Bad input gets one clear sentence, the place, and the right status; never what it said."""

from typing import Any

import pytest

from tests.integration.gateway.gateway_world import GatewayWorld, spec

ROLES = {"name": "n", "roles": [{"run": "x"}]}


@pytest.mark.parametrize(
    ("body", "status", "field", "detail"),
    [
        ({}, 422, "spec", "Field required"),
        ({"spec": {"name": "no spaces", "roles": [{}]}}, 422, "spec.name", "String should match"),
        ({"spec": {**ROLES, "roles": [{"shape": {"cpus": -1}}]}}, 422, "spec.roles.0.shape.cpus", "greater"),
        ({"spec": {**ROLES, "roles": []}}, 422, "spec.roles", "at least 1"),
        (
            {"spec": {**ROLES, "roles": [{"required": False}]}},
            422,
            "spec",
            "at least one role must be required",
        ),
        ({"spec": {**ROLES, "rolls": 1}}, 422, "spec.rolls", "there is no such field; there are envs, name"),
        ({"spec": ROLES, "prio": 1}, 422, "prio", "there is no such field"),
        ({"spec": {**ROLES, "envs": {"1": "hush"}}}, 422, "spec.envs", "'1' is not a name of an environment"),
        ({"spec": {**ROLES, "envs": {"A": ["hush"]}}}, 422, "spec.envs.A", "valid string"),
        ({"spec": {**ROLES, "envs": {"A": "hush\0"}}}, 422, "spec.envs.A", "NUL"),
        ({"spec": {**ROLES, "workdir": "0" * 64}}, 422, "spec.workdir", "upload it first"),
        (
            {"spec": {**ROLES, "roles": [{"count": 9000}, {"name": "b", "count": 9000}]}},
            422,
            "spec.roles",
            "18000",
        ),
        ({"spec": ROLES, "count": 0}, 422, "count", "greater than or equal to 1"),
        ({"spec": ROLES, "priority": 5000}, 422, "priority", "less than or equal to 1000"),
    ],
)
async def test_a_body_that_is_not_right(
    shared_world: GatewayWorld, body: Any, status: int, field: str, detail: str
) -> None:
    answer = await shared_world.http.post("/v1/jobs", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["field"]) == (status, status, field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert detail in problem["detail"]
    assert "hush" not in answer.text
    assert await shared_world.commands() == []


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("POST", "/v1/jobs", {"content": b"{"}, 400),
        (
            "POST",
            "/v1/jobs",
            {"content": b'{"spec": {"name": "n", "roles": [{"shape": {"cpus": 1e999}}]}}'},
            422,
        ),
        ("POST", "/v1/jobs", {"content": b"[" * 100_000}, 400),
        ("POST", "/v1/jobs", {"content": b'"' + b"x" * 5_000_000 + b'"'}, 413),
        ("POST", "/v1/jobs", {"json": {"spec": spec()}, "params": {"workspace": "no.dots"}}, 422),
        ("POST", "/v1/jobs", {"json": {"spec": spec()}, "headers": {"Idempotency-Key": "a b"}}, 422),
        ("GET", "/v1/jobs", {"params": {"limit": 501}}, 422),
        ("GET", "/v1/jobs", {"params": {"after": "x"}}, 422),
        ("GET", "/v1/jobs", {"params": {"phase": "asleep"}}, 422),
        ("GET", "/v1/jobs/9999999999999999999999", {}, 404),
        ("GET", "/v1/jobs/7_9999999999", {}, 404),
        ("GET", "/v1/jobs/none", {}, 404),
        ("GET", "/v1/jobs/%00", {}, 422),
        ("GET", "/v1/jobs/none/logs", {}, 404),
        ("GET", "/v1/jobs/none/events", {}, 404),
        ("GET", "/v1/costs/jobs/none", {}, 404),
        ("POST", "/v1/jobs/none/cancel", {}, 404),
        ("GET", "/v1/workflows/1", {}, 404),
        ("GET", "/v1/clusters/none", {}, 404),
        ("POST", "/v1/clusters/none/down", {}, 404),
        ("GET", "/v1/events", {"params": {"type": "a.b.c"}}, 422),
        ("GET", "/v1/events", {"params": {"since": "0001-01-01T00:00:00+14:00"}}, 422),
        ("GET", "/v1/events", {"params": {"since": "2026-01-01T00:00:00"}}, 422),
        ("HEAD", "/v1/blobs/" + "0" * 64, {}, 404),
        ("POST", "/v1/blobs", {"params": {"sha256": "0" * 64}, "content": b"x"}, 422),
        ("POST", "/v1/dead-letters/7/redrive", {}, 404),
        ("POST", "/v1/offers", {"json": {"shape": {"gpus": 1}}}, 422),
        ("GET", "/v1/nothing", {}, 404),
        ("DELETE", "/v1/jobs", {}, 405),
    ],
)
async def test_a_call_that_is_not_right(
    shared_world: GatewayWorld, method: str, path: str, more: Any, status: int
) -> None:
    answer = await shared_world.http.request(method, path, **more)
    assert answer.status_code == status, answer.text
    if method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic token-of-the-tests"},
    ],
)
async def test_without_the_token(world: GatewayWorld, header: dict[str, str]) -> None:
    world.http.headers.pop("authorization")
    for method, path in (
        ("GET", "/v1/jobs"),
        ("POST", "/v1/jobs"),
        ("GET", "/v1/openapi.json"),
        ("GET", "/"),
    ):
        answer = await world.http.request(method, path, headers=header)
        assert answer.status_code == 401
        assert answer.json()["title"] == "Unauthorized"
    assert (await world.http.get("/v1/health")).json() == {"ready": True, "why": ""}
