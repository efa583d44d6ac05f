"""Answers agents that fetch what their grant gives: the spec of a job attempt, and the blobs that it names.

Request and reply on core NATS (`said.<node>.fetch`; one of the gateways answers). The server lets a node
speak on its own subjects only, so the node in the subject is who asks. By nats-py and not by FastStream,
since an answer is not a message of one type, but a head with raw bytes.
"""

import asyncio
import logging

from nats.aio.msg import Msg
from pydantic import ValidationError

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable
from tradewind.common.contracts.grant import GrantRefused, verify
from tradewind.common.contracts.piece import PIECE_BYTES, pack
from tradewind.common.contracts.rank import Fetch, Fetched
from tradewind.common.reactor.ports import Clock, Unavailable
from tradewind.gateway.blobs import Blobs
from tradewind.gateway.specs import Specs
from tradewind.gateway.wiring import FETCHES, SERVICE

log = logging.getLogger(__name__)

AT_ONCE = 32


class NotGiven(Exception):
    """The request gets nothing, and will not when it is made again. The text says why."""


class Fetching:
    """`key` is the one under the grants."""

    def __init__(self, specs: Specs, blobs: Blobs, *, key: bytes, clock: Clock) -> None:
        self._specs = specs
        self._blobs = blobs
        self._key = key
        self._clock = clock
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, connection: Connection) -> None:
        """Until cancelled. Raises Unavailable."""
        async with asyncio.TaskGroup() as answers:

            async def begin(request: Msg) -> None:
                await self._room.acquire()
                answers.create_task(self._serve(request, connection))

            with unavailable("the answers to agents"):
                subscription = await connection.client.subscribe(FETCHES, queue=SERVICE, cb=begin)
            try:
                await asyncio.Event().wait()
            finally:
                if not connection.closed:
                    await subscription.unsubscribe()

    async def _serve(self, request: Msg, connection: Connection) -> None:
        try:
            answer = await self.answer(request.subject, request.data)
            if request.reply and connection.up:
                with unavailable("the answer to an agent"):
                    await connection.client.publish(request.reply, answer)
        except Unavailable as fault:
            log.warning("%s", fault)  # whoever asked asks again
        finally:
            self._room.release()

    async def answer(self, subject: str, request: bytes) -> bytes:
        """The bytes that answer a request which came on `subject`."""
        try:
            content, total = await self._given(subject, request)
        except NotGiven as why:
            log.warning("%s gets nothing: %s", subject, why)
            return pack(Fetched(error=str(why)))
        except Unavailable:
            return pack(Fetched(error="the gateway's store is away", retry=True))
        return pack(Fetched(total=total), content)

    async def _given(self, subject: str, request: bytes) -> tuple[bytes, int]:
        fetch = _fetch(request)
        try:
            grant = verify(self._key, fetch.grant, self._clock.now())
        except GrantRefused as why:
            raise NotGiven(str(why)) from None
        if subject != f"said.{grant.node}.fetch":
            raise NotGiven(f"the grant is for the node {grant.node}")
        spec = await self._specs.get(grant.spec_ref)
        if spec is None:
            raise NotGiven("the spec of this grant is not kept here")
        if fetch.ref == grant.spec_ref:
            return spec.body[fetch.offset : fetch.offset + PIECE_BYTES], len(spec.body)
        if fetch.ref not in spec.blobs:
            raise NotGiven("the grant does not give what was asked for")
        return await asyncio.to_thread(self._piece_of_blob, fetch)

    def _piece_of_blob(self, fetch: Fetch) -> tuple[bytes, int]:
        size = self._blobs.size(fetch.ref)
        if size is None:
            raise NotGiven(f"the blob {fetch.ref} is not kept here")
        return self._blobs.read(fetch.ref, offset=fetch.offset, length=PIECE_BYTES), size


def _fetch(request: bytes) -> Fetch:
    try:
        fetch = Fetch.model_validate_json(request)
    except ValidationError as error:
        first = error.errors()[0]
        raise NotGiven(f"not a Fetch: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if not 0 <= fetch.offset < 2**62:
        raise NotGiven("offset must not be negative")
    return fetch
