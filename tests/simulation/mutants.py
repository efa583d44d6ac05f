"""Bugs planted on purpose, each a switch: the simulator must catch every one of them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tradewind.common.reactor import fold
from tradewind.common.reactor.inbox import Inbox
from tradewind.common.reactor.leader import Leader
from tradewind.common.reactor.ports import Batch, Delivery, Lease
from tradewind.jobs_controller.domain import settle
from tradewind.simulator.memory_store import MemoryStore

Plant = Callable[[pytest.MonkeyPatch], None]


def no_version_check_by_readers(patch: pytest.MonkeyPatch) -> None:
    """Whatever level arrives is believed, old or new."""
    patch.setattr(fold, "_is_news", lambda row, event: True)


def no_version_check_in_the_store(patch: pytest.MonkeyPatch) -> None:
    """A commit overwrites what it has not seen. The lease guards against the same, so it is off too."""
    patch.setattr(MemoryStore, "_assert_lease", _believe_lease)
    patch.setattr(MemoryStore, "_assert_versions", _believe_versions)


def ack_before_commit(patch: pytest.MonkeyPatch) -> None:
    """Inputs are acked as soon as they are taken."""
    process = Leader._process

    class Acked:
        def __init__(self, inbox: Inbox) -> None:
            self._inbox = inbox

        async def ack(self, deliveries: Sequence[Delivery]) -> None:
            """Long done."""

    async def early(self: Leader, lease: Lease, inbox: Inbox, **batch: Any) -> None:
        await inbox.ack(batch["deliveries"])
        await process(self, lease, Acked(inbox), **batch)  # type: ignore[arg-type] # it asks no more of it

    patch.setattr(Leader, "_process", early)


def no_lease_epoch(patch: pytest.MonkeyPatch) -> None:
    """A leader that was replaced without knowing goes on writing."""
    patch.setattr(MemoryStore, "_assert_lease", _believe_lease)


def relay_skips_a_row(patch: pytest.MonkeyPatch) -> None:
    """Of three or more messages, the second is noted as sent and never is."""
    publish = Leader._publish

    async def forgetful(self: Leader, ids: Sequence[int], packets: Sequence[Any]) -> None:
        if len(packets) < 3:
            await publish(self, ids, packets)
            return
        await publish(self, [ids[0], *ids[2:]], [packets[0], *packets[2:]])
        self._sent.append((ids[1], self._sent[-1][1]))

    patch.setattr(Leader, "_publish", forgetful)


def recovery_without_fence(patch: pytest.MonkeyPatch) -> None:
    """A job starts its next attempt without waiting for the end of the old ranks."""
    patch.setattr(settle, "_all_ended", lambda job: True)


MUTANTS: tuple[Plant, ...] = (
    no_version_check_by_readers,
    no_version_check_in_the_store,
    ack_before_commit,
    no_lease_epoch,
    relay_skips_a_row,
    recovery_without_fence,
)


def _believe_lease(self: MemoryStore, lease: Lease) -> None:
    """Whoever comes."""


def _believe_versions(self: MemoryStore, batch: Batch) -> None:
    """Whatever is there."""
