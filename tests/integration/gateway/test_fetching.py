"""What an agent is given by its grant, asked with a node's own credential."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.gateway.gateway_world import GatewayWorld, spec, submit_of
from tradewind.common.bus.connection import connect
from tradewind.common.bus.node_users import inbox_prefix, user_name
from tradewind.common.contracts.grant import Grant, sign
from tradewind.common.contracts.piece import PIECE_BYTES, unpack
from tradewind.common.contracts.rank import Fetch
from tradewind.common.contracts.task import JobSpec

BLOB = bytes(range(256)) * 3000
NAME = hashlib.sha256(BLOB).hexdigest()


@pytest.fixture
async def grant(world: GatewayWorld) -> Grant:
    """For the node n1, of a job with a work directory."""
    await world.http.post("/v1/blobs", content=BLOB)
    told = await world.submit(spec=spec(workdir=NAME))
    return Grant(
        workspace="default",
        job=told["id"],
        attempt=1,
        node="n1",
        spec_ref=submit_of(await world.commands()).spec_ref,
        expires_at=datetime.now(UTC) + timedelta(minutes=1),
    )


def key(world: GatewayWorld) -> bytes:
    return world.settings.grant_key_file.read_bytes()


async def test_spec_and_workdir(world: GatewayWorld, grant: Grant) -> None:
    password = world.nats.node_users.add("n1")
    url = world.nats.address.replace("nats://", f"nats://{user_name('n1')}:{password}@")
    node = await connect(url, name="node", inbox_prefix=inbox_prefix("n1"))

    async def fetch(ref: str, offset: int = 0):
        question = Fetch(node="n1", grant=sign(key(world), grant), ref=ref, offset=offset)
        reply = await node.client.request(question.subject, question.model_dump_json().encode(), timeout=2)
        return unpack(reply.data)

    told, raw = await fetch(grant.spec_ref)
    assert (told.total, told.error) == (len(raw), "")
    assert JobSpec.model_validate_json(raw).envs == {"KEY": "hush"}
    pieces = [(await fetch(NAME, offset)) for offset in range(0, len(BLOB), PIECE_BYTES)]
    assert b"".join(piece for _, piece in pieces) == BLOB
    assert {told.total for told, _ in pieces} == {len(BLOB)}
    assert (await fetch(NAME, len(BLOB)))[1] == b""
    assert "does not give" in (await fetch("0" * 64))[0].error
    await node.close()


async def test_refused(world: GatewayWorld, grant: Grant) -> None:
    past = grant.but(expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    cases = [
        ("n1", sign(bytes(32), grant), "not signed with this installation's key"),
        ("n1", sign(key(world), past), "ran out"),
        ("n2", sign(key(world), grant), "for the node n1"),
        ("n1", sign(key(world), grant.but(spec_ref="other")), "not kept here"),
        ("n1", "", "not a signed token"),
    ]
    for node, token, why in cases:
        question = Fetch(node=node, grant=token, ref=grant.spec_ref)
        reply = await world.owner.client.request(
            question.subject, question.model_dump_json().encode(), timeout=2
        )
        told, raw = unpack(reply.data)
        assert why in told.error, told
        assert (raw, told.retry) == (b"", False)
    for garbage in (b"", b"{", b"\xff", b'{"node": "n1", "grant": "", "ref": "", "offset": -1}'):
        reply = await world.owner.client.request("said.n1.fetch", garbage, timeout=2)
        assert unpack(reply.data)[0].error
