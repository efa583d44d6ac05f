"""Bugs of the shell: leader, store, relay, alarms, hands."""

from collections.abc import Sequence
from typing import Any

import pytest

from bench.mutants.mutant import Mutant
from tradewind.common import hands
from tradewind.common.reactor import fold
from tradewind.common.reactor.decision import Intent
from tradewind.common.reactor.fold import Outcome
from tradewind.common.reactor.inbox import Inbox
from tradewind.common.reactor.leader import Leader
from tradewind.common.reactor.ports import Batch, Delivery, Lease, StoreRefused, Unavailable
from tradewind.jobs_controller.domain import decide
from tradewind.simulator.memory_store import MemoryStore


def no_version_check_by_readers(patch: pytest.MonkeyPatch) -> None:
    """Whatever level arrives is believed, old or new."""
    patch.setattr(fold, "_is_news", lambda row, event: True)


def no_version_check_in_the_store(patch: pytest.MonkeyPatch) -> None:
    """A commit overwrites what it has not seen. The lease's epoch guards against the same, and comes first:
    it is off too."""
    patch.setattr(MemoryStore, "_assert_lease", _believe_lease)
    patch.setattr(MemoryStore, "_assert_versions", _believe_versions)


def no_lease_epoch(patch: pytest.MonkeyPatch) -> None:
    """A leader that was replaced without knowing goes on writing."""
    patch.setattr(MemoryStore, "_assert_lease", _believe_lease)


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


def publish_before_commit(patch: pytest.MonkeyPatch) -> None:
    """What a batch says goes out before it is committed, and stays said where the commit fails."""
    commit = Leader._commit

    async def early(self: Leader, lease: Lease, batch: Batch, outcome: Outcome) -> None:
        if batch.outbox:
            await self._bus.publish(batch.outbox)
        await commit(self, lease, batch, outcome)

    patch.setattr(Leader, "_commit", early)


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


def relay_out_of_order(patch: pytest.MonkeyPatch) -> None:
    """The outbox goes out last message first."""
    publish = Leader._publish

    async def backwards(self: Leader, ids: Sequence[int], packets: Sequence[Any]) -> None:
        await publish(self, list(reversed(ids)), list(reversed(packets)))

    patch.setattr(Leader, "_publish", backwards)


def no_relay_at_takeover(patch: pytest.MonkeyPatch) -> None:
    """A new leader does not publish what the one before it committed and could not say."""

    async def nothing(self: Leader) -> None:
        self._losses = self._bus.losses()

    patch.setattr(Leader, "_relay_again", nothing)


def no_alarm_rings(patch: pytest.MonkeyPatch) -> None:
    """Rows that nobody calls are never looked at again."""
    patch.setattr(Leader, "_set_alarm", lambda self, row: None)


def alarms_are_lost_at_takeover(patch: pytest.MonkeyPatch) -> None:
    """A new leader sets no alarm for the rows that it finds."""
    remember = Leader._remember

    async def forgetful(self: Leader, *about: Any) -> None:
        await remember(self, *about)
        self._alarms = []

    patch.setattr(Leader, "_remember", forgetful)


def a_due_alarm_rings_once(patch: pytest.MonkeyPatch) -> None:
    """What an alarm asks for may be lost, and it is not asked for again."""
    patch.setattr(fold, "LOOK_AGAIN", fold.LOOK_AGAIN * 1_000)


def a_row_without_a_wake(patch: pytest.MonkeyPatch) -> None:
    """A new job has no time at which it looks at itself again."""
    submit = decide.submit

    def sleepless(job: Any, heard: Any, ctx: Any) -> Any:
        decided = submit(job, heard, ctx)
        if decided.state is None:
            return decided
        return decide.Decision(decided.state.but(wake_at=None), decided.publish, decided.do)

    patch.setattr(decide, "submit", sleepless)


def planner_is_not_told(patch: pytest.MonkeyPatch) -> None:
    """The planner does not see what the inputs of its own batch have changed."""
    plan = fold._Folding.plan

    def blind(self: Any, planner: Any, *, cause: str) -> None:
        changed, self.outcome.rows = self.outcome.rows, {}
        plan(self, planner, cause=cause)
        self.outcome.rows = {**changed, **self.outcome.rows}

    patch.setattr(fold._Folding, "plan", blind)


def intents_are_forgotten_at_takeover(patch: pytest.MonkeyPatch) -> None:
    """What was to be done when a leader died is not begun by the next one."""

    async def none(self: MemoryStore) -> list[Any]:
        return []

    patch.setattr(MemoryStore, "open_intents", none)


def hands_try_once(patch: pytest.MonkeyPatch) -> None:
    """A hand whose call failed gives up."""

    async def once(self: hands.Hands, intent: Intent) -> None:
        try:
            report = await self._attempt(intent)
            if report is not None:
                await self._report(intent, report)
        except (hands.Transient, Unavailable):
            return

    patch.setattr(hands.Hands, "_carry_out", once)


def bisecting_drops_a_half(patch: pytest.MonkeyPatch) -> None:
    """Of a batch that the store refuses, only the first half is tried again."""
    settle = Leader._settle

    async def halved(self: Leader, lease: Lease, work: Sequence[Any], letters: Sequence[Any]) -> None:
        if letters != ():  # only a second half comes with none at all
            await settle(self, lease, work, letters)

    patch.setattr(Leader, "_settle", halved)


def one_refusal_sets_all_aside(patch: pytest.MonkeyPatch) -> None:
    """A batch that the store refuses is not halved: all of its inputs become dead letters."""
    settle = Leader._settle

    async def whole(self: Leader, lease: Lease, work: Sequence[Any], letters: Sequence[Any]) -> None:
        commit = self._commit

        async def refused(lease: Lease, batch: Batch, outcome: Outcome) -> None:
            try:
                await commit(lease, batch, outcome)
            except StoreRefused as why:
                await self._set_aside(lease, work, letters, why=str(why))

        with pytest.MonkeyPatch.context() as for_now:
            for_now.setattr(self, "_commit", refused)
            await settle(self, lease, work, letters)

    patch.setattr(Leader, "_settle", whole)


def _believe_lease(self: MemoryStore, lease: Lease) -> None:
    """Whoever comes."""


def _believe_versions(self: MemoryStore, batch: Batch) -> None:
    """Whatever is there."""


MUTANTS = tuple(
    map(
        Mutant,
        (
            no_version_check_by_readers,
            no_version_check_in_the_store,
            no_lease_epoch,
            ack_before_commit,
            publish_before_commit,
            relay_skips_a_row,
            relay_out_of_order,
            no_relay_at_takeover,
            no_alarm_rings,
            alarms_are_lost_at_takeover,
            a_due_alarm_rings_once,
            a_row_without_a_wake,
            planner_is_not_told,
            intents_are_forgotten_at_takeover,
            hands_try_once,
            bisecting_drops_a_half,
            one_refusal_sets_all_aside,
        ),
    )
)
