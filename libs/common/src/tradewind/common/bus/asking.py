"""One question, one answer: `qry.<owner>.<name>` over core NATS. Nothing is kept: who gets none asks again.

The body of a question is its contract's JSON, the answer's likewise, each with the headers of an envelope. An
answer that is none has a header `tw-error` (`declined` or `failed`), and its body says what is the matter.
"""

from datetime import UTC, datetime
from typing import TypeVar

from nats.aio.msg import Msg
from pydantic import ValidationError

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable
from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.contracts.registry import Message
from tradewind.common.reactor.ports import Unavailable
from tradewind.common.runtime.ids import new_uuid7
from tradewind.common.telemetry.spans import current_traceparent

A = TypeVar("A", bound=Message)

ANSWER_S = 5.0
ERROR = "tw-error"
DECLINED = "declined"
FAILED = "failed"


class Declined(ValueError):
    """The question cannot be answered as it is asked. The text is for the person who asked."""


async def ask(
    connection: Connection, question: Message, answer: type[A], *, source: str, timeout_s: float = ANSWER_S
) -> A:
    """What the owner of the question answers.

    Raises:
        Declined: it understood, and will not answer that.
        Unavailable: nobody answers, or not in time, or what came is no such answer.
    """
    connection.require_up()
    packet = encode(
        Envelope(
            id=new_uuid7(),
            message=question,
            source=source,
            time=datetime.now(UTC),
            correlation=question.about,
            traceparent=current_traceparent(),
        )
    )
    with unavailable(f"{question.owner} was asked for {question.name}"):
        reply = await connection.client.request(
            packet.subject, packet.body, timeout=timeout_s, headers=dict(packet.headers)
        )
    return _read(reply, question, answer)


def _read(reply: Msg, question: Message, answer: type[A]) -> A:
    error = (reply.headers or {}).get(ERROR)
    if error is None:
        try:
            return answer.model_validate_json(reply.data)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise Unavailable(f"{question.owner} answered something else than {answer.name}: {why}") from None
    why = reply.data.decode(errors="replace")
    if error == DECLINED:
        raise Declined(why)
    raise Unavailable(f"{question.owner} could not answer {question.name}: {why}")
