"""What was written down in transactions."""

from tradewind.simulator.memory_store import Committed
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen


def no_commit_under_a_stale_lease(seen: Seen, committed: Committed) -> Broken:
    """Once a leader has taken over, nothing is written under an earlier lease."""
    newest = seen.epochs.get(committed.service, 0)
    if committed.lease.epoch != newest:
        yield f"{committed.service} committed under epoch {committed.lease.epoch}, {newest} leads"


def a_commit_builds_on_what_is_there(seen: Seen, committed: Committed) -> Broken:
    """Nobody overwrites a row that he has not seen, and each write is a newer version."""
    for row, loaded in committed.batch.updated:
        there = seen.rows.get((committed.service, row.ref))
        if there is None or there.version != loaded:
            yield f"{row.kind} {row.id} was loaded at v{loaded}, but is v{there.version if there else None}"
        elif row.version < there.version:
            yield f"{row.kind} {row.id} goes from v{there.version} back to v{row.version}"
    for row in committed.batch.created:
        if (committed.service, row.ref) in seen.rows:
            yield f"{row.kind} {row.id} is created a second time"


def an_ended_row_stays_ended(seen: Seen, committed: Committed) -> Broken:
    """A row that has ended never comes back to life in its owner's store."""
    for row, _ in committed.batch.updated:
        there = seen.rows.get((committed.service, row.ref))
        if there is not None and there.terminal and row.phase_name != there.phase_name:
            yield f"{row.kind} {row.id} was {there.phase_name}, now {row.phase_name}"


def nobody_believes_an_older_level(seen: Seen, committed: Committed) -> Broken:
    """What a row has heard of another thing is never replaced by something older."""
    for row, _ in committed.batch.updated:
        there = seen.rows.get((committed.service, row.ref))
        for thing, version in row.seen.items() if there is not None else ():
            if there is not None and there.seen.get(thing, version) > version:
                heard = there.seen[thing]
                yield f"{row.kind} {row.id} had heard v{heard} of {thing}, now believes v{version}"


def every_living_row_wakes(seen: Seen, committed: Committed) -> Broken:
    """A row that lives has a time at which it looks at itself again."""
    for row in (*committed.batch.created, *(row for row, _ in committed.batch.updated)):
        if not row.terminal and row.wake_at is None:
            yield f"{row.kind} {row.id} ({row.phase_name}) would never wake"


def nothing_is_parked(seen: Seen, committed: Committed) -> Broken:
    """No input of a world without garbage is refused."""
    for row in (*committed.batch.created, *(row for row, _ in committed.batch.updated)):
        if row.parked:
            yield f"{row.kind} {row.id} is parked: {row.parked}"


def what_is_noted_as_sent_was_sent(seen: Seen, committed: Committed) -> Broken:
    """An outbox row is noted as published only where it lies in its stream."""
    for outbox_id, position in committed.batch.sent:
        meant = seen.outbox.get((committed.service, outbox_id))
        if meant not in seen.at[position]:
            where = f"{position.stream}#{position.sequence}"
            yield f"{committed.service} notes message {meant} at {where}, where it is not"
