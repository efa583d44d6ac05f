"""The AsyncAPI document: whole, with no loose end, events for outsiders first, and true of real messages."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime

import jsonschema_rs
import pytest

from tradewind.common import contracts as contract_modules
from tradewind.common.bus.asyncapi import Document, asyncapi
from tradewind.common.contracts.allocation import ClaimLevel, ClaimOpened, ClaimPhase, CloseClaim
from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.contracts.registry import Message, contracts
from tradewind.common.contracts.values import Retention, Shape

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLAIM = ClaimLevel(
    id="c1", workspace="w1", version=3, phase=ClaimPhase.OPEN, generation=1, shape=Shape(), count=2,
    retention=Retention.JOB, opened_at=NOW,
)  # fmt: skip


@pytest.fixture(scope="module")
def document() -> Document:
    # As a reader gets it.
    return json.loads(json.dumps(asyncapi()))


def references(value: object) -> Iterator[str]:
    match value:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for one in value.values():
                yield from references(one)
        case list():
            for one in value:
                yield from references(one)
        case _:
            pass


def at(document: Document, reference: str) -> Document:
    found = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_every_contract_with_a_subject_is_told(document: Document) -> None:
    for module in pkgutil.iter_modules(contract_modules.__path__, f"{contract_modules.__name__}."):
        importlib.import_module(module.name)
    names = {message["name"] for message in document["components"]["messages"].values()}
    assert {one.type_name for one in contracts() if one.subjects() and one.owner != "reactor"} <= names
    assert len(names) > 50


def test_every_reference_leads_somewhere(document: Document) -> None:
    found = list(references(document))
    assert len(found) > 200
    for reference in found:
        assert at(document, reference)


def test_events_come_first(document: Document) -> None:
    tags = [channel["tags"][0]["name"] for channel in document["channels"].values()]
    order = ["events", "commands", "wants", "saids", "reports", "queries"]
    assert tags == sorted(tags, key=order.index)
    assert document["operations"]["receive.job.queued"]["action"] == "receive"
    assert document["operations"]["send.scheduler.close_claim"]["action"] == "send"


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("claim.opened", "evt.{workspace}.claim.opened"),
        ("scheduler.close_claim", "cmd.scheduler.close_claim"),
        ("want.allocation", "want.{node}.{allocation}"),
        ("said.rank", "said.{node}.rank"),
        ("optimizer.rank_offers", "qry.optimizer.rank_offers"),
    ],
)
def test_addresses(document: Document, key: str, address: str) -> None:
    channel = document["channels"][key]
    assert channel["address"] == address
    assert {f"{{{name}}}" for name in channel["parameters"]} == {t for t in address.split(".") if "{" in t}


@pytest.mark.parametrize("message", [ClaimOpened.of(CLAIM), CloseClaim(id="c1", workspace="w1")])
def test_a_real_message_fits(document: Document, message: Message) -> None:
    key = message.type_name.removeprefix("tradewind.")
    packet = encode(Envelope(id="1", message=message, source="tradewind/x", time=NOW, correlation="c1"))
    told = document["components"]["messages"][key]
    schema = {"$ref": told["payload"]["$ref"], "components": document["components"]}
    jsonschema_rs.validate(schema, json.loads(packet.body))
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, {})
    jsonschema_rs.validate(
        document["components"]["messageTraits"]["cloudEvent"]["headers"], dict(packet.headers)
    )
