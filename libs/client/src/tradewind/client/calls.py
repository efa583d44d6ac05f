"""Every call of the HTTP API, told once: what is sent and what comes back. No I/O: the clients do that."""

from __future__ import annotations  # naming a record in a signature shall not load it

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote, urlencode

from tradewind.client import records
from tradewind.client.errors import TradewindError, Unexpected, refusal
from tradewind.client.records import Json

T = TypeVar("T")
PAGE = 500
"""Jobs asked for at once where many are wanted."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request and how its answer is read. `repeatable`: made twice it does no more than made once."""

    method: str
    path: str
    read: Callable[[Json], T]
    body: Json = None
    extra_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    repeatable: bool = True

    @property
    def headers(self) -> dict[str, str]:
        kind = {} if self.body is None else {"Content-Type": "application/json"}
        return {**kind, **self.extra_headers}

    @property
    def content(self) -> bytes | None:
        return None if self.body is None else json.dumps(self.body).encode()

    def answer(self, status: int, content: bytes) -> T:
        """What an answer says.

        Raises:
            TradewindError: the answer is a refusal, or cannot be understood.
        """
        if status >= 300:
            raise problem(status, content)
        try:
            return self.read(json.loads(content))
        except ValueError as error:
            raise Unexpected(f"the server's answer to {self.method} {self.path} is not JSON") from error


def problem(status: int, content: bytes) -> TradewindError:
    """The error that a refusal tells (application/problem+json), or that its bare status tells."""
    try:
        told = json.loads(content)
        detail, path = str(told["detail"]), str(told.get("field") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        detail, path = f"the server answered with status {status}", ""
    return refusal(status, detail, path)


def submit(
    spec: Json,
    *,
    key: str,
    priority: int = 0,
    max_restarts: int = 0,
    cluster: str | None = None,
    count: int | None = None,
) -> Call[records.Submitted]:
    body = {"spec": spec, "priority": priority, "max_restarts": max_restarts}
    body |= {name: value for name, value in (("cluster", cluster), ("count", count)) if value is not None}
    return Call(
        "POST", "/v1/jobs", _one(records.Submitted), body=body, extra_headers={"Idempotency-Key": key}
    )


def job(job: str) -> Call[records.JobInfo]:
    return Call("GET", f"/v1/jobs/{_part(job)}", _one(records.JobInfo))


def jobs(
    *,
    phases: Iterable[str] = (),
    name: str | None = None,
    cluster: str | None = None,
    workflow: str | None = None,
    limit: int = PAGE,
    after: str | None = None,
) -> Call[records.Jobs]:
    query = [("phase", phase) for phase in phases]
    return Call(
        "GET",
        _target("/v1/jobs", query, name=name, cluster=cluster, workflow=workflow, limit=limit, after=after),
        _one(records.Jobs),
    )


def cancel(job: str, reason: str | None) -> Call[str]:
    """The phase that it is in now."""
    return Call("POST", f"/v1/jobs/{_part(job)}/cancel", _phase, body={"reason": reason} if reason else {})


def job_events(job: str) -> Call[tuple[records.Event, ...]]:
    return Call("GET", f"/v1/jobs/{_part(job)}/events", _many(records.Event, "events"))


def clusters(*, all: bool = False) -> Call[tuple[records.Cluster, ...]]:
    return Call(
        "GET", _target("/v1/clusters", all="true" if all else None), _many(records.Cluster, "clusters")
    )


def cluster(name: str) -> Call[records.Cluster]:
    return Call("GET", f"/v1/clusters/{_part(name)}", _one(records.Cluster))


def down(cluster: str) -> Call[str]:
    """The phase that it is in now."""
    return Call("POST", f"/v1/clusters/{_part(cluster)}/down", _phase, body={})


def nodes(*, all: bool = False, cluster: str | None = None) -> Call[tuple[records.Node, ...]]:
    target = _target("/v1/nodes", all="true" if all else None, cluster=cluster)
    return Call("GET", target, _many(records.Node, "nodes"))


def infra() -> Call[tuple[records.Infra, ...]]:
    return Call("GET", "/v1/infra", _many(records.Infra, "infra"))


def offers(shape: Json, *, count: int, limit: int) -> Call[records.Offers]:
    body = {"shape": shape, "count": count, "limit": limit}
    return Call("POST", "/v1/offers", _one(records.Offers), body=body)


def services() -> Call[tuple[records.Service, ...]]:
    return Call("GET", "/v1/status", _many(records.Service, "services"))


def dead_letters(*, limit: int) -> Call[tuple[records.DeadLetter, ...]]:
    return Call("GET", _target("/v1/dead-letters", limit=limit), _many(records.DeadLetter, "letters"))


def redrive(seq: int) -> Call[str]:
    """The subject that the letter goes to again. A second redrive would send it a second time."""
    return Call("POST", f"/v1/dead-letters/{seq}/redrive", _subject, body={}, repeatable=False)


def mock_status() -> Call[records.MockReport]:
    return Call("GET", "/v1/mock", _one(records.MockReport))


def mock_reclaim(node: str, notice_s: float | None) -> Call[records.MockReport]:
    return Call(
        "POST", "/v1/mock/reclaim", _one(records.MockReport), body={"node": node, "notice_s": notice_s}
    )


def mock_fail(where: str, lasts_s: float | None) -> Call[records.MockReport]:
    return Call("POST", "/v1/mock/fail", _one(records.MockReport), body={"where": where, "lasts_s": lasts_s})


def mock_heal(where: str | None) -> Call[records.MockReport]:
    return Call("POST", "/v1/mock/heal", _one(records.MockReport), body={"where": where})


def logs(job: str, *, follow: bool, tail: int | None, rank: int | None) -> str:
    """The path of the stream of a job's log."""
    return _target(f"/v1/jobs/{_part(job)}/logs", follow="true" if follow else None, tail=tail, rank=rank)


def events(*, follow: bool, job: str | None, type: str | None, since: str | None) -> str:
    """The path of the stream of events."""
    return _target("/v1/events", follow="true" if follow else None, job=job, type=type, since=since)


def has_blob(sha256: str) -> str:
    return f"/v1/blobs/{_part(sha256)}"


def new_blob(sha256: str) -> str:
    return _target("/v1/blobs", sha256=sha256)


def _one(record: type[T]) -> Callable[[Json], T]:
    return lambda told: records.read(record, told)


def _many(record: type[T], under: str) -> Callable[[Json], tuple[T, ...]]:
    def read(told: Json) -> tuple[T, ...]:
        try:
            listed = told[under]
        except (KeyError, TypeError):
            raise Unexpected(f"the server's answer has no {under!r}") from None
        return tuple(records.read(record, each) for each in listed)

    return read


def _phase(told: Json) -> str:
    return str(told.get("phase", ""))


def _subject(told: Json) -> str:
    return str(told.get("subject", ""))


def _part(text: str) -> str:
    return quote(text, safe="")


def _target(path: str, query: Iterable[tuple[str, str]] = (), **more: str | int | None) -> str:
    pairs = [*query, *((name, value) for name, value in more.items() if value is not None)]
    return f"{path}?{urlencode(pairs)}" if pairs else path
