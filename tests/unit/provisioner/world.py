"""The rows of a leader, folded batch by batch as the leader does it."""

from datetime import timedelta

from tests.unit.provisioner.given import NOW
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.registry import Message
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.fold import Outcome, fold_batch
from tradewind.common.reactor.wiring import Alarm
from tradewind.provisioner.contracts import Found, Surveyed, TerminateOrder
from tradewind.provisioner.domain import infra as infras
from tradewind.provisioner.domain.model import Cluster, Infra, Node
from tradewind.provisioner.domain.plan import Census
from tradewind.provisioner.wiring import wiring

WIRING = wiring(["aws"])
SEED = infras.seed("aws")


class World:
    """The rows of a leader, and what the last batch came to."""

    def __init__(self, *rows: Aggregate) -> None:
        self.rows: dict[Ref, Aggregate] = {row.ref: row for row in rows}
        self.census = Census(self.rows.values())
        self.last = Outcome()
        self._count = 0

    def hear(self, *messages: Message, seconds: float = 0) -> Outcome:
        self._count += 1
        at = NOW + timedelta(seconds=seconds)
        inputs = [
            Envelope(id=f"{self._count}.{n}", message=one, source="", time=at, correlation="")
            for n, one in enumerate(messages)
        ]
        self.last = fold_batch(WIRING, self.rows, inputs, now=at, planner=self.census)
        assert not self.last.refusals
        self.rows |= self.last.rows
        return self.last

    def ring(self, *, seconds: float) -> Outcome:
        """The alarms that are due by then."""
        at = NOW + timedelta(seconds=seconds)
        due = [row for row in self.rows.values() if row.wake_at is not None and row.wake_at <= at]
        return self.hear(*(Alarm(kind=row.kind, id=row.id) for row in due), seconds=seconds)

    @property
    def told(self) -> list[type[Message]]:
        return [type(envelope.message) for envelope in self.last.outbox]

    @property
    def done(self) -> list[str]:
        return [intent.hand for intent in self.last.intents]

    @property
    def nodes(self) -> list[Node]:
        return [row for row in self.rows.values() if isinstance(row, Node)]

    @property
    def clusters(self) -> list[Cluster]:
        return [row for row in self.rows.values() if isinstance(row, Cluster)]

    def node(self, id: str = "n") -> Node:
        row = self.rows[Ref("node", id)]
        assert isinstance(row, Node)
        return row

    @property
    def infra(self) -> Infra:
        row = self.rows[SEED.ref]
        assert isinstance(row, Infra)
        return row


def surveyed(*found: Found, seconds: float = 0, **changes: object) -> Surveyed:
    taken_at = NOW + timedelta(seconds=seconds)
    report = Surveyed(intent="s", target="aws", taken_at=taken_at, enabled=True, found=found, complete=True)
    return report.but(**changes)


def found(node: str, *, alive: bool = True) -> Found:
    return Found(node=node, name=f"i-{node}", alive=alive)


def ends(outcome: Outcome) -> list[str]:
    return [one.payload.node for one in outcome.intents if isinstance(one.payload, TerminateOrder)]
