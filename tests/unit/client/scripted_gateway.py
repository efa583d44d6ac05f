"""A small HTTP server that answers as a test tells it: to see what the client makes of answers."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "secret-token"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    connection: int
    """Which connection it came by."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = None
    """JSON; bytes as they are."""
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    """Close the connection without an answer."""


@dataclass(frozen=True)
class Stream:
    """Server-sent events, as text; `cut` breaks the connection after them instead of ending the answer."""

    text: str
    cut: bool = False


Reply = Answer | Stream
Route = Callable[[Request], Reply]


def problem(status: int, detail: str, **more: str) -> Answer:
    return Answer(status, {"status": status, "detail": detail, **more})


class ScriptedGateway:
    """`route("GET", "/v1/jobs", answer, …)`: its answers in turn, the last one from then on."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._routes: dict[tuple[str, str], list[Reply | Route]] = {}
        self._connections = 0
        self._lock = threading.Lock()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with gateway._lock:
                    gateway._connections += 1
                    self.connection_number = gateway._connections

            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                chunked = self.headers.get("Transfer-Encoding") == "chunked"
                body = self.read_chunks() if chunked else self.rfile.read(length)
                request = Request(
                    self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body,
                    self.connection_number,
                )  # fmt: skip
                self.send(gateway._answer(request))

            do_GET = handle_any  # noqa: N815 the name that http.server looks for
            do_POST = handle_any  # noqa: N815 the name that http.server looks for
            do_HEAD = handle_any  # noqa: N815 the name that http.server looks for

            def read_chunks(self) -> bytes:
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def send(self, reply: Reply) -> None:
                if isinstance(reply, Stream):
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    content = reply.text.encode()
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content) if content else b"")
                    self.wfile.write(b"" if reply.cut else b"0\r\n\r\n")
                    self.close_connection = reply.cut
                elif reply.hang_up:
                    self.close_connection = True
                else:
                    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                    self.send_response(reply.status)
                    for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """A client that hung up is nothing to tell."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def route(self, method: str, path: str, *replies: Reply | Route) -> None:
        self._routes[method, path] = list(replies)

    def seen(self, method: str, path: str) -> list[Request]:
        return [each for each in self.requests if (each.method, each.path) == (method, path)]

    def _answer(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                return problem(401, "the token is wrong")
            replies = self._routes.get((request.method, request.path))
            if replies is None:
                return problem(404, f"there is no {request.path}")
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply(request) if callable(reply) else reply


@contextmanager
def scripted_gateway() -> Generator[ScriptedGateway]:
    gateway = ScriptedGateway()
    thread = threading.Thread(target=gateway._server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield gateway
    finally:
        gateway._server.shutdown()
        gateway._server.server_close()
        thread.join()


def event(name: str, data: Any, id: str = "1") -> str:
    return f"id: {id}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


def log(text: str, *, rank: int = 0, id: str = "1", attempt: int = 1) -> str:
    return event("log", {"rank": rank, "node": "n", "attempt": attempt, "offset": 0, "text": text}, id)


def end(phase: str, exit_code: int | None = None) -> str:
    return event("end", {"phase": phase, "exit_code": exit_code}, "99")


def job_event(job: str, phase: str, id: str = "1", **more: Any) -> str:
    level = {"id": job, "number": 7, "phase": phase, "attempt": 1, "summary": {"name": "train"}, **more}
    told = {
        "specversion": "1.0", "id": f"e{id}", "type": f"tradewind.job.{phase}", "source": "/jobs_controller",
        "subject": job, "time": NOW, "data": {"job": level},
    }  # fmt: skip
    return event(f"job.{phase}", told, id)


NOW = "2026-01-02T03:04:05.600000+00:00"
JOB = "11111111-2222-5333-8444-555555555555"


def job(phase: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "id": JOB, "workspace": "default", "number": 7, "index": None, "workflow": None, "name": "train",
        "user": "me", "phase": phase, "reason": "", "attempt": 1, "restarts": 0, "max_restarts": 0,
        "priority": 0,
        "cluster": None, "size": 1, "roles": [], "submitted_at": NOW, "started_at": NOW, "ended_at": None,
        "exit_code": None, "spec_ref": "s", "version": 3, "observed_at": NOW,
        "a_field_of_tomorrow": 1, **more,
    }  # fmt: skip


def taken(**more: Any) -> Answer:
    return Answer(
        201,
        {"id": JOB, "number": 7, "kind": "job", "ref": f"/v1/jobs/{JOB}", "workspace": "default",
         "phase": "submitted", "submitted_at": NOW, **more},
    )  # fmt: skip


ROOM = {"cpus": 8.0, "memory_gib": 32.0, "accelerator": None, "accelerator_count": 0}
LOCAL = {
    "infra": "local", "region": "", "zone": "", "instance_type": "slots-8", "room": ROOM, "spot": False,
    "price_usd_h": 0.0,
}  # fmt: skip
AWS = {**LOCAL, "infra": "aws", "region": "us-east-1", "instance_type": "m6i.2xlarge", "price_usd_h": 0.384}


def offer(place: dict[str, Any], *, enabled: bool = True, nodes: int = 1) -> dict[str, Any]:
    return {"place": place, "enabled": enabled, "hourly_usd": place["price_usd_h"] * nodes}


def offers(*candidates: dict[str, Any], why_none: str = "") -> Answer:
    return Answer(200, {"candidates": list(candidates), "considered": 300, "why_none": why_none})


def cluster(name: str | None = "dev", **more: Any) -> dict[str, Any]:
    return {
        "id": "c1", "workspace": "default", "name": name, "retention": "named", "phase": "up",
        "claim": "served",
        "reason": "", "shape": {"cpus": 1.0}, "count": 2, "place": AWS, "hourly_usd": 0.768, "cost_usd": 0.1,
        "failures": [], "nodes": [], "opened_at": NOW, "observed_at": NOW, **more,
    }  # fmt: skip
