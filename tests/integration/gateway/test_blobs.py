import hashlib
from collections.abc import AsyncIterator

from tests.integration.gateway.gateway_world import GatewayWorld, spec

BYTES = bytes(range(256)) * 9000
NAME = hashlib.sha256(BYTES).hexdigest()


async def test_a_blob_is_kept_under_its_hash(world: GatewayWorld) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(BYTES), 70_000):
            yield BYTES[start : start + 70_000]

    for _ in range(2):
        answer = await world.http.post("/v1/blobs", content=chunks(), params={"sha256": NAME})
        assert (answer.status_code, answer.json()) == (201, {"sha256": NAME, "size": len(BYTES)})
    assert (world.settings.blobs / "sha256" / NAME[:2] / NAME).read_bytes() == BYTES
    head = await world.http.head(f"/v1/blobs/{NAME}")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(BYTES)))
    assert (await world.submit(spec=spec(workdir=NAME)))["number"] == 1


async def test_nothing_is_left_of_what_was_not_what_it_said(world: GatewayWorld) -> None:
    answer = await world.http.post("/v1/blobs", content=BYTES, params={"sha256": "0" * 64})
    assert answer.status_code == 422
    assert NAME in answer.json()["detail"]
    assert [path for path in world.settings.blobs.rglob("*") if path.is_file()] == []
    empty = await world.http.post("/v1/blobs", content=b"")
    assert empty.json() == {"sha256": hashlib.sha256(b"").hexdigest(), "size": 0}
