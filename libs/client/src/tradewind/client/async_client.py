"""The asynchronous client: the calls of `Client`, awaited. Many tasks may use one at once."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, Self, TypeVar

import httpx

from tradewind.client import calls, records, workdir
from tradewind.client.calls import Call
from tradewind.client.endpoint import Endpoint
from tradewind.client.errors import Unavailable
from tradewind.client.retries import MOMENTARY, asked_to_wait, pauses
from tradewind.client.server_events import Decoder, ServerEvent
from tradewind.client.task import Task, restarts_of
from tradewind.common.contracts.task import JobSpec
from tradewind.common.contracts.values import Shape

T = TypeVar("T")

_ANSWER_S = 30.0
_SILENCE_S = 45.0
_SENT_AT_ONCE = 65_536
_BEHIND_S = 0.02
"""What a view may be behind the event that it shows."""


class AsyncClient:
    """A control plane, as one user sees it. Use it in `async with`. See `Client` for what the methods do.

    async with AsyncClient() as tw:
        job = await tw.submit(task)
        async for chunk in job.logs():
            ...
        info = await job.wait()
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        """Talk to `url`, else to `TRADEWIND_ENDPOINT`, else to the local stack, which must run."""
        self.endpoint = Endpoint(url.rstrip("/"), token) if url else Endpoint.find()
        token = self.endpoint.token
        self._http = httpx.AsyncClient(
            base_url=self.endpoint.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(_ANSWER_S),
            limits=httpx.Limits(max_connections=None),  # each followed log holds one
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def submit(
        self,
        task: Task | JobSpec,
        *,
        priority: int = 0,
        max_restarts: int | None = None,
        cluster: str | None = None,
        idempotency_key: str | None = None,
    ) -> "AsyncJob":
        """See `Client.submit`."""
        call = calls.submit(
            await self._document(task),
            key=idempotency_key or str(uuid.uuid4()),
            priority=priority,
            max_restarts=restarts_of(task, max_restarts),
            cluster=cluster,
        )
        taken = await self._make(call)
        return AsyncJob(self, taken.id, taken.number)

    async def submit_array(
        self, task: Task | JobSpec, *, count: int, priority: int = 0, max_restarts: int | None = None
    ) -> records.Submitted:
        """See `Client.submit_array`."""
        document, key = await self._document(task), str(uuid.uuid4())
        return await self._make(
            calls.submit(
                document,
                key=key,
                priority=priority,
                max_restarts=restarts_of(task, max_restarts),
                count=count,
            )
        )

    async def job(self, job: str | int) -> "AsyncJob":
        found = await self.job_info(job)
        return AsyncJob(self, found.id, found.number)

    async def job_info(self, job: str | int) -> records.JobInfo:
        return await self._make(calls.job(str(job)))

    async def jobs(
        self,
        *,
        phases: Iterable[str] = (),
        name: str | None = None,
        cluster: str | None = None,
        workflow: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[records.JobInfo]:
        """See `Client.jobs`: `async for job in tw.jobs(limit=50)`."""
        after, asked, left = None, tuple(phases), limit
        while left is None or left > 0:
            page = await self._make(
                calls.jobs(
                    phases=asked,
                    name=name,
                    cluster=cluster,
                    workflow=workflow,
                    limit=calls.PAGE if left is None else min(left, calls.PAGE),
                    after=after,
                )
            )
            for info in page.jobs[:left]:
                yield info
            after = page.next
            if after is None:
                return
            left = None if left is None else left - len(page.jobs)

    async def cancel(self, job: str | int, reason: str | None = None) -> str:
        return await self._make(calls.cancel(str(job), reason))

    async def logs(
        self, job: str | int, *, follow: bool = True, tail: int | None = None, rank: int | None = None
    ) -> AsyncGenerator[records.LogChunk | records.LogEnd]:
        """See `Client.logs`."""
        path = calls.logs(str(job), follow=follow, tail=tail, rank=rank)
        async with aclosing(self._events(path, until_end=follow)) as stream:
            async for event in stream:
                told = json.loads(event.data)
                yield records.read(records.LogEnd if event.name == "end" else records.LogChunk, told)

    async def events(
        self,
        *,
        follow: bool = False,
        job: str | int | None = None,
        type: str | None = None,
        since: str | None = None,
    ) -> AsyncGenerator[records.Event]:
        """See `Client.events`; for a deadline use `asyncio.timeout`."""
        path = calls.events(follow=follow, job=None if job is None else str(job), type=type, since=since)
        async with aclosing(self._events(path, until_end=follow)) as stream:
            async for event in stream:
                yield records.read(records.Event, json.loads(event.data))

    async def clusters(self, *, all: bool = False) -> tuple[records.Cluster, ...]:
        return await self._make(calls.clusters(all=all))

    async def cluster(self, name: str) -> records.Cluster:
        return await self._make(calls.cluster(name))

    async def down(self, cluster: str) -> str:
        return await self._make(calls.down(cluster))

    async def nodes(self, *, all: bool = False, cluster: str | None = None) -> tuple[records.Node, ...]:
        return await self._make(calls.nodes(all=all, cluster=cluster))

    async def infra(self) -> tuple[records.Infra, ...]:
        return await self._make(calls.infra())

    async def offers(self, shape: Shape, *, count: int = 1, limit: int = 20) -> records.Offers:
        return await self._make(calls.offers(shape.model_dump(mode="json"), count=count, limit=limit))

    async def mock_status(self) -> records.MockReport:
        return await self._make(calls.mock_status())

    async def mock_reclaim(self, node: str, *, notice_s: float | None = None) -> records.MockReport:
        return await self._make(calls.mock_reclaim(node, notice_s))

    async def mock_fail(self, where: str, *, lasts_s: float | None = None) -> records.MockReport:
        return await self._make(calls.mock_fail(where, lasts_s))

    async def mock_heal(self, where: str | None = None) -> records.MockReport:
        return await self._make(calls.mock_heal(where))

    async def services(self) -> tuple[records.Service, ...]:
        return await self._make(calls.services())

    async def dead_letters(self, *, limit: int = 100) -> tuple[records.DeadLetter, ...]:
        return await self._make(calls.dead_letters(limit=limit))

    async def redrive(self, seq: int) -> str:
        return await self._make(calls.redrive(seq))

    async def upload(self, folder: Path) -> str:
        """See `Client.upload`."""
        packing = workdir.pack(folder)
        packed = await asyncio.to_thread(packing.__enter__)
        try:
            if not await self._holds_blob(packed.sha256):
                await self._upload(packed)
            return packed.sha256
        finally:
            packing.__exit__(None, None, None)

    async def _document(self, task: Task | JobSpec) -> records.Json:
        if isinstance(task, Task):
            folder = task.folder
            task = task.with_files(await self.upload(folder) if folder else None)
        return task.model_dump(mode="json")

    async def _holds_blob(self, sha256: str) -> bool:
        answer = await self._exchange("HEAD", calls.has_blob(sha256))
        if answer.status_code not in {200, 404}:
            raise calls.problem(answer.status_code, answer.content)
        return answer.status_code == 200

    async def _upload(self, packed: workdir.Packed) -> None:
        headers = {"Content-Length": str(packed.size), "Content-Type": "application/octet-stream"}
        answer = await self._exchange(
            "POST", calls.new_blob(packed.sha256), headers=headers, body=packed.file
        )
        if answer.status_code >= 300:
            raise calls.problem(answer.status_code, answer.content)

    async def _make(self, call: Call[T]) -> T:
        answer = await self._exchange(
            call.method, call.path, headers=call.headers, body=call.content, repeatable=call.repeatable
        )
        return call.answer(answer.status_code, answer.content)

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | BinaryIO | None = None,
        repeatable: bool = True,
    ) -> httpx.Response:
        waits = pauses()
        while True:
            wait_at_least = None
            content = body if isinstance(body, bytes | None) else _from_start(body)
            try:
                answer = await self._http.request(method, path, headers=headers, content=content)
                if answer.status_code not in MOMENTARY:
                    return answer
                wait_at_least = answer.headers.get("Retry-After")
                failure = calls.problem(answer.status_code, answer.content)
            except httpx.TransportError as error:
                failure = self._unreachable(error)
            pause = next(waits, None) if repeatable else None
            if pause is None:
                raise failure
            await asyncio.sleep(asked_to_wait(wait_at_least, pause))

    async def _events(self, path: str, *, until_end: bool) -> AsyncGenerator[ServerEvent]:
        last_id, waits = "", pauses()
        while True:
            error: Exception = ConnectionError("it ended early")
            try:
                async with aclosing(self._events_of_connection(path, last_id)) as stream:
                    async for event in stream:
                        last_id, waits = event.id, pauses()
                        yield event
                        if event.name == "end":
                            return
                if not until_end:
                    return
            except (ConnectionError, httpx.TransportError) as broken:
                error = broken
            pause = next(waits, None)
            if pause is None:
                raise self._unreachable(error) from error
            await asyncio.sleep(pause)

    async def _events_of_connection(self, path: str, last_id: str) -> AsyncGenerator[ServerEvent]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        timeout = httpx.Timeout(_ANSWER_S, read=_SILENCE_S)
        async with self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
            if answer.status_code in MOMENTARY:
                raise ConnectionError(f"status {answer.status_code}")
            if answer.status_code >= 300:
                raise calls.problem(answer.status_code, await answer.aread())
            decoder = Decoder()
            async for content in answer.aiter_bytes():
                for event in decoder.feed(content):
                    yield event

    def _unreachable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"nobody answers at {self.endpoint.url} ({str(error).lower() or type(error).__name__})"
        )


class AsyncJob:
    """A job that was submitted. It holds no state: every method asks."""

    def __init__(self, client: AsyncClient, id: str, number: int) -> None:
        self._client = client
        self.id = id
        self.number = number

    def __repr__(self) -> str:
        return f"AsyncJob(id={self.id!r}, number={self.number})"

    async def info(self) -> records.JobInfo:
        """The job as it is now."""
        return await self._client.job_info(self.id)

    async def wait(self, timeout: float | None = None) -> records.JobInfo:  # noqa: ASYNC109 - as `Job.wait` has it
        """Wait until the job is over, however it ends.

        Raises:
            TimeoutError: it is not over after `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            return await self._over()

    async def _over(self) -> records.JobInfo:
        info = await self.info()
        if info.ended:
            return info
        async with aclosing(self.events(follow=True)) as stream:
            async for event in stream:
                if event.subject == self.id and event.level.get("phase") in records.ENDED:
                    break
        while not (info := await self.info()).ended:  # noqa: ASYNC110 nothing tells of the view itself
            await asyncio.sleep(_BEHIND_S)
        return info

    def logs(
        self, *, follow: bool = True, tail: int | None = None, rank: int | None = None
    ) -> AsyncGenerator[records.LogChunk | records.LogEnd]:
        """See `Client.logs`."""
        return self._client.logs(self.id, follow=follow, tail=tail, rank=rank)

    def events(self, *, follow: bool = False) -> AsyncGenerator[records.Event]:
        """What happened to the job and to what it was given, from its submission on."""
        return self._client.events(job=self.id, follow=follow)

    async def cancel(self, reason: str | None = None) -> str:
        """End it. Returns the phase that it is in now; `wait` tells when it is over."""
        return await self._client.cancel(self.id, reason)


async def _from_start(file: BinaryIO) -> AsyncIterator[bytes]:
    file.seek(0)
    while content := await asyncio.to_thread(file.read, _SENT_AT_ONCE):
        yield content
