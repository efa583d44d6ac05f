"""Where a service takes one message at a time: its answers to questions, by FastStream.

Importing FastStream takes 0.3 s, so only who serves an edge imports this; who asks needs `asking` alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from faststream import AckPolicy, StreamMessage
from faststream.nats import NatsBroker, NatsResponse
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from tradewind.common.bus.asking import DECLINED, ERROR, FAILED, Declined
from tradewind.common.bus.connection import Connection, connect
from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.contracts.registry import Message
from tradewind.common.runtime.ids import new_uuid7
from tradewind.common.telemetry.spans import Tracer, tracer_of

log = logging.getLogger(__name__)

Q = TypeVar("Q", bound=Message)
Answer = Callable[[Q], Awaitable[Message]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Answers the questions of one contract. `answer` may raise `Declined`."""

    question: type[Message]
    answer: Answer[Any]


class _Edge(NatsBroker):
    """FastStream over a connection of our making: it reconnects for ever, and logs no traceback."""

    line: Connection | None = None

    def __init__(self, url: str, *, service: str) -> None:
        # Our contracts validate, our own AsyncAPI describes, traces tell of each message: not FastStream.
        super().__init__(url, apply_types=False, logger=None, ack_policy=AckPolicy.MANUAL)
        self._url = url
        self._service = service

    async def _connect(self) -> Client:
        self.line = await connect(self._url, name=f"tradewind.{self._service}.edge")
        self.config.connect(self.line.client)
        return self.line.client


async def serve(endpoints: Sequence[Endpoint], *, service: str, nats_url: str) -> None:
    """Answers until it is cancelled. Several replicas share the questions.

    Raises:
        Unavailable: the server cannot be reached at the start, or closed the connection for good.
    """
    edge, tracer = _Edge(nats_url, service=service), tracer_of(service)
    for endpoint in endpoints:
        edge.subscriber(endpoint.question.subjects(), queue=service, decoder=_question(endpoint))(
            _answerer(endpoint, service=service, tracer=tracer)
        )
    await edge.start()
    try:
        assert edge.line is not None
        await edge.line.lost()
    finally:
        await asyncio.shield(edge.stop())


@dataclass(frozen=True, slots=True)
class _Asked:
    """`question` is None where it was no such question; then `why` says so."""

    question: Message | None
    traceparent: str
    why: str = ""


def _question(endpoint: Endpoint) -> Callable[[StreamMessage[Msg]], Awaitable[_Asked]]:
    async def decode(message: StreamMessage[Msg]) -> _Asked:
        traceparent = str(message.headers.get("traceparent", ""))
        try:
            return _Asked(endpoint.question.model_validate_json(message.body), traceparent)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            return _Asked(None, traceparent, f"this is no {endpoint.question.name}: {where}: {first['msg']}")

    return decode


def _answerer(
    endpoint: Endpoint, *, service: str, tracer: Tracer
) -> Callable[[_Asked], Awaitable[NatsResponse]]:
    async def answer(asked: _Asked) -> NatsResponse:
        if asked.question is None:
            return _error(DECLINED, asked.why)
        with tracer.span_for(f"answer {endpoint.question.name}", traceparent=asked.traceparent) as span:
            try:
                found = await endpoint.answer(asked.question)
            except Declined as why:
                return _error(DECLINED, str(why))
            # Whatever went wrong is this question's fault or misfortune; the next one is to be answered.
            except Exception as error:  # see the line above
                log.exception("%s could not answer %s", service, endpoint.question.name)
                span.fail(type(error).__name__)
                return _error(FAILED, "see its log")
        packet = encode(
            Envelope(
                id=new_uuid7(),
                message=found,
                source=f"tradewind/{service}",
                time=datetime.now(UTC),
                correlation=asked.question.about,
                traceparent=span.traceparent,
            )
        )
        return NatsResponse(packet.body, headers=dict(packet.headers))

    return answer


def _error(kind: str, why: str) -> NatsResponse:
    return NatsResponse(why.encode(), headers={ERROR: kind})
