"""Brings a server to what `streams` says: one idempotent function, and nobody else declares anything.

It creates what is missing and updates what differs. It never deletes: what is no longer named stays as it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import Enum
from typing import Any

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import Base, ConsumerConfig, StreamConfig

from tradewind.common.bus import streams as wanted
from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable
from tradewind.common.bus.streams import Durable
from tradewind.common.reactor.wiring import Wiring

Changes = dict[str, tuple[Any, Any]]
"""By field, what it is and what it must be."""


class TopologyRefused(Exception):
    """The server has something that cannot become what we need. The text says what, and what to do."""


async def apply(
    connection: Connection,
    wirings: Iterable[Wiring],
    *,
    readers: Iterable[Durable] = (),
    events_bytes: int = 2 * wanted.GIB,
    logs_bytes: int = wanted.GIB,
) -> list[str]:
    """Create or update the streams, and a durable consumer for each stream that a wiring or a reader hears.

    Returns:
        What was done, one phrase each; empty when all was right already.

    Raises:
        TopologyRefused: something that exists cannot be changed in place.
        Unavailable: the server does not answer.
    """
    durables = (*wanted.durables(wirings), *readers)
    done: list[str] = []
    with unavailable(f"the streams of NATS at {connection.server}"):
        for config in wanted.streams(
            owners=wanted.owners(durables),
            max_message=connection.client.max_payload,
            events_bytes=events_bytes,
            logs_bytes=logs_bytes,
        ):
            if config.subjects:  # COMMANDS, while nobody takes any
                done += await apply_stream(connection.js, config)
        for durable in durables:
            done += await apply_durable(connection.js, durable)
    return done


async def apply_stream(js: JetStreamContext, config: StreamConfig) -> list[str]:
    name = str(config.name)
    try:
        present = (await js.stream_info(name)).config
    except nats.js.errors.NotFoundError:
        await js.add_stream(config)
        return [f"created the stream {name}"]
    changes = _changes(present, config)
    if not changes:
        return []
    _refuse_fixed(f"the stream {name}", changes, wanted.FIXED_OF_STREAM)
    await js.update_stream(present.evolve(**{field: new for field, (_, new) in changes.items()}))
    return [f"changed the stream {name}: {', '.join(sorted(changes))}"]


async def apply_durable(js: JetStreamContext, durable: Durable) -> list[str]:
    config = durable.config()
    what = f"the consumer {durable.name} of {durable.stream}"
    try:
        present: ConsumerConfig = (await js.consumer_info(durable.stream, durable.name)).config
    except nats.js.errors.NotFoundError:
        await js.add_consumer(durable.stream, config)
        return [f"created {what}"]
    changes = _changes(present, config)
    if not changes:
        return []
    _refuse_fixed(what, changes, wanted.FIXED_OF_DURABLE)
    await js.add_consumer(
        durable.stream,
        # One of the two filter fields must be empty, whichever it was before.
        present.evolve(
            **{field: new for field, (_, new) in changes.items()}
            | {"filter_subject": config.filter_subject, "filter_subjects": config.filter_subjects}
        ),
    )
    return [f"changed {what}: {', '.join(sorted(changes))}"]


async def restore_durable(js: JetStreamContext, durable: Durable) -> None:
    """Make it where it is not there at all. One that is there stays as the topology command made it."""
    try:
        await js.consumer_info(durable.stream, durable.name)
    except nats.js.errors.NotFoundError:
        await js.add_consumer(durable.stream, durable.config())


async def remove_durable(js: JetStreamContext, durable: Durable) -> None:
    """For a reader that is gone for good, as the wants of a node that ended. Gone already is right too."""
    try:
        await js.delete_consumer(durable.stream, durable.name)
    except nats.js.errors.NotFoundError:
        return


def _changes(present: Base, config: Base) -> Changes:
    """Of the fields that `config` sets, those that are otherwise on the server: (present, new)."""
    changes: Changes = {}
    for field in fields(config):
        new, old = getattr(config, field.name), getattr(present, field.name)
        if isinstance(new, list):
            new, old = sorted(new), sorted(old or ())
        if new is not None and new != old:
            changes[field.name] = (old, new)
    return changes


def _refuse_fixed(what: str, changes: Changes, fixed: Mapping[str, str]) -> None:
    differences = [
        "{} ({} is {}, must be {})".format(meaning, field, *map(_word, changes[field]))
        for field, meaning in fixed.items()
        if field in changes
    ]
    if differences:
        raise TopologyRefused(
            f"{what} exists with a setting that NATS does not change in place: {' and '.join(differences)}; "
            f"delete it by hand once what it holds is no longer needed, then run this again"
        )


def _word(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
