"""The synchronous client."""

from __future__ import annotations  # naming a record in a signature shall not load it

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from tradewind.client import calls, records
from tradewind.client.endpoint import Endpoint
from tradewind.client.http11 import Http
from tradewind.client.lazy import LazyModule

if TYPE_CHECKING:  # tar and pydantic, which `tw status` must not wait for
    from tradewind.client import task as tasks
    from tradewind.client import workdir
    from tradewind.common.contracts.task import JobSpec
    from tradewind.common.contracts.values import Shape
else:
    tasks = LazyModule("tradewind.client.task")
    workdir = LazyModule("tradewind.client.workdir")

_BEHIND_S = 0.02
"""What a view may be behind the event that it shows."""


class Client:
    """A control plane, as one user sees it. Close it, or use it in `with`. Not for several threads at once.

        with Client() as tw:
            job = tw.submit(task_from_file("train.yaml"))
            for chunk in job.logs():
                print(chunk.text, end="")
            assert job.wait().phase == "succeeded"

    Calls are made again, with growing pauses, while nobody answers or the server is momentarily away,
    if making them twice does no harm: `submit` carries an idempotency key, so it is among them. Every
    method may raise `TradewindError`: `Unavailable`, `Unauthorized`, `NotFound`, `Invalid`, `Conflict`,
    `Unexpected`.
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        """Talk to `url`, else to `TRADEWIND_ENDPOINT`, else to the local stack, which must run."""
        self.endpoint = Endpoint(url.rstrip("/"), token) if url else Endpoint.find()
        self._http = Http(self.endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def submit(
        self,
        task: tasks.Task | JobSpec,
        *,
        priority: int = 0,
        max_restarts: int | None = None,
        cluster: str | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Run a task. The folder that a `Task` names is uploaded first, unless the server has it.

        Args:
            priority: -1000..1000, higher goes first.
            max_restarts: how often it is started again after a failure of its own; else as its file says.
            cluster: the named cluster it is pinned to; it is made if there is none.
            idempotency_key: the same key with the same task is the same job.
        """
        call = calls.submit(
            self._document(task),
            key=idempotency_key or str(uuid.uuid4()),
            priority=priority,
            max_restarts=tasks.restarts_of(task, max_restarts),
            cluster=cluster,
        )
        taken = self._http.make(call)
        return Job(self, taken.id, taken.number)

    def submit_array(
        self, task: tasks.Task | JobSpec, *, count: int, priority: int = 0, max_restarts: int | None = None
    ) -> records.Submitted:
        """Run `count` jobs of one task; each knows its index. They are `jobs(workflow=submitted.id)`."""
        document, key = self._document(task), str(uuid.uuid4())
        return self._http.make(
            calls.submit(
                document,
                key=key,
                priority=priority,
                max_restarts=tasks.restarts_of(task, max_restarts),
                count=count,
            )
        )

    def job(self, job: str | int) -> Job:
        """A job by its id, its number (`7`), or number and index in an array (`7_3`).

        Raises:
            NotFound
        """
        found = self.job_info(job)
        return Job(self, found.id, found.number)

    def job_info(self, job: str | int) -> records.JobInfo:
        """A job as it is now."""
        return self._http.make(calls.job(str(job)))

    def jobs(
        self,
        *,
        phases: Iterable[str] = (),
        name: str | None = None,
        cluster: str | None = None,
        workflow: str | None = None,
        limit: int | None = None,
    ) -> Iterator[records.JobInfo]:
        """Jobs, newest first, fetched by pages as they are asked for."""

        def every() -> Iterator[records.JobInfo]:
            after, asked = None, tuple(phases)
            while True:
                page = self._http.make(
                    calls.jobs(
                        phases=asked,
                        name=name,
                        cluster=cluster,
                        workflow=workflow,
                        limit=min(limit or calls.PAGE, calls.PAGE),
                        after=after,
                    )
                )
                yield from page.jobs
                after = page.next
                if after is None:
                    return

        return islice(every(), limit)

    def cancel(self, job: str | int, reason: str | None = None) -> str:
        """End a job, or every job of an array. Returns the phase that it is in now."""
        return self._http.make(calls.cancel(str(job), reason))

    def logs(
        self, job: str | int, *, follow: bool = True, tail: int | None = None, rank: int | None = None
    ) -> Iterator[records.LogChunk | records.LogEnd]:
        """The log of all ranks, or of one, as it is written; then how it ended.

        With `follow` until the job is over, through restarts and recoveries; else what is there.
        `tail`: from the last so many lines on.
        """
        path = calls.logs(str(job), follow=follow, tail=tail, rank=rank)
        for event in self._http.events(path, until_end=follow):
            told = json.loads(event.data)
            yield records.read(records.LogEnd if event.name == "end" else records.LogChunk, told)

    def events(
        self,
        *,
        follow: bool = False,
        job: str | int | None = None,
        type: str | None = None,
        since: str | None = None,
        deadline: float | None = None,
    ) -> Iterator[records.Event]:
        """Events in their order: those kept so far, or, with `follow`, from now on.

        Of a `job` they begin at its submission.

        Args:
            type: such as `job.succeeded` or `job.*`.
            since: an ISO 8601 time.
            deadline: of `time.monotonic()`; raises TimeoutError when it is over.
        """
        path = calls.events(follow=follow, job=None if job is None else str(job), type=type, since=since)
        for event in self._http.events(path, until_end=follow, deadline=deadline):
            yield records.read(records.Event, json.loads(event.data))

    def clusters(self, *, all: bool = False) -> tuple[records.Cluster, ...]:
        """Clusters that live; with `all`, those that ended too."""
        return self._http.make(calls.clusters(all=all))

    def cluster(self, name: str) -> records.Cluster:
        return self._http.make(calls.cluster(name))

    def down(self, cluster: str) -> str:
        """Take a cluster down, with whatever runs there. Returns the phase that it is in now."""
        return self._http.make(calls.down(cluster))

    def nodes(self, *, all: bool = False, cluster: str | None = None) -> tuple[records.Node, ...]:
        return self._http.make(calls.nodes(all=all, cluster=cluster))

    def infra(self) -> tuple[records.Infra, ...]:
        """What this installation can launch on, and why not where it cannot."""
        return self._http.make(calls.infra())

    def offers(self, shape: Shape, *, count: int = 1, limit: int = 20) -> records.Offers:
        """What `count` nodes of a shape would cost, and where: the cheapest first."""
        return self._http.make(calls.offers(shape.model_dump(mode="json"), count=count, limit=limit))

    def mock_status(self) -> records.MockReport:
        """The scripted clouds: what runs there, what is failing, what was spent. Conflict: there are none."""
        return self._http.make(calls.mock_status())

    def mock_reclaim(self, node: str, *, notice_s: float | None = None) -> records.MockReport:
        """Let a scripted cloud take a machine away, after a notice (None: as its script says)."""
        return self._http.make(calls.mock_reclaim(node, notice_s))

    def mock_fail(self, where: str, *, lasts_s: float | None = None) -> records.MockReport:
        """Let a zone, a region or a whole scripted cloud go down, for so long, or until it is healed."""
        return self._http.make(calls.mock_fail(where, lasts_s))

    def mock_heal(self, where: str | None = None) -> records.MockReport:
        """Let what is down in scripted clouds, or one thing of it, be up again."""
        return self._http.make(calls.mock_heal(where))

    def services(self) -> tuple[records.Service, ...]:
        """How far each service of the control plane is behind."""
        return self._http.make(calls.services())

    def dead_letters(self, *, limit: int = 100) -> tuple[records.DeadLetter, ...]:
        return self._http.make(calls.dead_letters(limit=limit))

    def redrive(self, seq: int) -> str:
        """Send a dead letter once more. Returns the subject that it went to."""
        return self._http.make(calls.redrive(seq))

    def upload(self, folder: Path) -> str:
        """Send a folder, unless the server has it as it is. Returns its sha256, for `JobSpec.workdir`."""
        with workdir.pack(folder) as packed:
            return self.upload_packed(packed)

    def upload_packed(
        self,
        packed: workdir.Packed,
        *,
        watched: Callable[[workdir.Packed], AbstractContextManager[BinaryIO]] | None = None,
    ) -> str:
        """Send a packed folder, unless the server has it.

        `watched` gives the file that is read instead, to show how far it is.
        """
        if not self._http.holds_blob(packed.sha256):
            with watched(packed) if watched else nullcontext(packed.file) as file:
                self._http.upload(file, sha256=packed.sha256, size=packed.size)
        return packed.sha256

    def _document(self, task: tasks.Task | JobSpec) -> records.Json:
        if isinstance(task, tasks.Task):
            folder = task.folder
            task = task.with_files(self.upload(folder) if folder else None)
        return task.model_dump(mode="json")


class Job:
    """A job that was submitted. It holds no state: every method asks."""

    def __init__(self, client: Client, id: str, number: int) -> None:
        self._client = client
        self.id = id
        self.number = number

    def __repr__(self) -> str:
        return f"Job(id={self.id!r}, number={self.number})"

    def info(self) -> records.JobInfo:
        """The job as it is now."""
        return self._client.job_info(self.id)

    def wait(self, timeout: float | None = None) -> records.JobInfo:
        """Wait until the job is over, however it ends. By its events, not by asking again and again.

        Raises:
            TimeoutError: it is not over after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        info = self.info()
        if info.ended:
            return info
        for event in self.events(follow=True, deadline=deadline):
            if event.subject == self.id and event.level.get("phase") in records.ENDED:
                break
        while not (info := self.info()).ended:  # the event was faster than the view of it
            time.sleep(_BEHIND_S)
        return info

    def logs(
        self, *, follow: bool = True, tail: int | None = None, rank: int | None = None
    ) -> Iterator[records.LogChunk | records.LogEnd]:
        """See `Client.logs`."""
        return self._client.logs(self.id, follow=follow, tail=tail, rank=rank)

    def events(self, *, follow: bool = False, deadline: float | None = None) -> Iterator[records.Event]:
        """What happened to the job and to what it was given, from its submission on."""
        return self._client.events(job=self.id, follow=follow, deadline=deadline)

    def cancel(self, reason: str | None = None) -> str:
        """End it. Returns the phase that it is in now; `wait` tells when it is over."""
        return self._client.cancel(self.id, reason)
