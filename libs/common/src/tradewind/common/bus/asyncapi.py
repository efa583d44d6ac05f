"""The AsyncAPI 3.0 document of the bus, made from the contracts: what an outsider may follow comes first.

Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0. FastStream would describe its own
subscribers only, and those are the fewest: the reactor reads by nats-py.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from tradewind.common import contracts as contract_modules
from tradewind.common.contracts.registry import Command, Event, Message, Report, Said, Want, contracts

Document = dict[str, Any]
"""JSON, as a dict."""

KINDS: tuple[tuple[type[Message], str, str], ...] = (
    (
        Event,
        "events",
        "What happened, and the public state after it. Outsiders may follow these.",
    ),
    (Command, "commands", "A durable request to the owner of a thing."),
    (Want, "wants", "What a node should run: the last value of each subject is kept."),
    (Said, "saids", "What a node measured or did."),
    (Report, "reports", "What a hand did about an intent of its service."),
    (Message, "queries", "A question, and its answer on the reply subject: nothing is kept."),
)
"""Kind of contract, tag and what it is for, in the order in which they are told."""

HEADERS: Document = {
    "type": "object",
    "description": "CloudEvents 1.0 in binary content mode.",
    "required": ["ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time"],
    "properties": {
        "ce-specversion": {"const": "1.0"},
        "ce-id": {"type": "string", "description": "Unique to the message, equal for its duplicates."},
        "ce-type": {"type": "string"},
        "ce-source": {"type": "string", "description": "`tradewind/<service>`."},
        "ce-subject": {"type": "string", "description": "The id of the thing that it is about."},
        "ce-time": {"type": "string", "format": "date-time"},
        "content-type": {"const": "application/json"},
        "traceparent": {"type": "string", "description": "W3C Trace Context."},
        "tw-cause": {"type": "string", "description": "The id of the input that led to it."},
        "tw-correlation": {"type": "string", "description": "The id of the thing for which it happens."},
        "tw-link": {"type": "string", "description": "A trace that this one continues, as a traceparent."},
    },
}


def asyncapi(*, version: str = "0.1.0") -> Document:
    """All contracts that have a subject, with their JSON Schema.

    Of contracts that a service keeps to itself (the reports of its hands), those that were imported before.
    """
    for module in pkgutil.iter_modules(contract_modules.__path__, f"{contract_modules.__name__}."):
        importlib.import_module(module.name)
    told = [contract for contract in contracts() if contract.subjects()]
    told.sort(key=lambda contract: (_rank(contract), contract.owner, contract.type_name))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tradewind",
            "version": version,
            "description": "Everything that is said on the bus. An event carries a level: keep the highest "
            "`version` seen of each id, ignore lower ones; then duplicates and gaps are harmless.",
            "tags": [{"name": tag, "description": purpose} for _, tag, purpose in KINDS],
        },
        "defaultContentType": "application/json",
        "channels": {_key(contract): _channel(contract) for contract in told},
        "operations": dict(_operations(told)),
        "components": {
            "messages": {_key(contract): _message(contract) for contract in told},
            "messageTraits": {"cloudEvent": {"headers": HEADERS}},
            "schemas": _schemas(told),
        },
    }


def _rank(contract: type[Message]) -> int:
    return next(rank for rank, (kind, _, _) in enumerate(KINDS) if issubclass(contract, kind))


def _key(contract: type[Message]) -> str:
    return contract.type_name.removeprefix("tradewind.")


def _address(contract: type[Message]) -> str:
    """The subject, with a name for each token that differs from message to message."""
    if issubclass(contract, Want):
        return "want.{node}.{allocation}"
    return contract.subjects().replace("evt.*", "evt.{workspace}").replace("said.*", "said.{node}")


def _channel(contract: type[Message]) -> Document:
    address = _address(contract)
    parameters = [token.strip("{}") for token in address.split(".") if token.startswith("{")]
    return {
        "address": address,
        "parameters": {name: {} for name in parameters},
        "messages": {_key(contract): {"$ref": f"#/components/messages/{_key(contract)}"}},
        "tags": [{"name": KINDS[_rank(contract)][1]}],
    }


def _operations(told: Iterable[type[Message]]) -> Iterable[tuple[str, Document]]:
    """From where an outsider stands: events are received, everything else is sent to its owner."""
    for contract in told:
        action = "receive" if issubclass(contract, Event) else "send"
        channel = {"$ref": f"#/channels/{_key(contract)}"}
        yield f"{action}.{_key(contract)}", {"action": action, "channel": channel}


def _message(contract: type[Message]) -> Document:
    message: Document = {
        "name": contract.type_name,
        "title": contract.__name__,
        "payload": {"$ref": f"#/components/schemas/{contract.__name__}"},
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
    }
    if contract.__doc__:
        message["summary"] = inspect.cleandoc(contract.__doc__)
    return message


def _schemas(told: Iterable[type[Message]]) -> Document:
    _, schema = models_json_schema(
        [(contract, "serialization") for contract in told], ref_template="#/components/schemas/{model}"
    )
    return schema.get("$defs", {})
