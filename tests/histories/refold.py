"""Folds a history by the rules as they are now."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.histories.history import Abridged, History, Json
from tradewind.common.contracts.envelope import Envelope, Packet, decode
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.fold import fold_batch
from tradewind.common.reactor.journal import MASKED, decided_of
from tradewind.common.reactor.wiring import Wiring
from tradewind.jobs_controller import wiring as jobs_controller
from tradewind.optimizer import wiring as optimizer
from tradewind.optimizer.domain.plan import Broker
from tradewind.provisioner import wiring as provisioner
from tradewind.scheduler import wiring as scheduler

Rows = dict[Ref, Aggregate]


def refold(history: History) -> list[Json]:
    """What each fold comes to now, abridged.

    Raises:
        Undecodable: an input is no message of ours any more.
        ValidationError: a row that was stored then cannot be read any more.
    """
    wiring = wiring_of(history.service, history.head)
    kinds = {kind.kind: kind for kind in wiring.kinds}
    abridged = Abridged()
    decided: list[Json] = []
    rows: Rows = {}
    before: Rows = {}
    planner = None
    for line in history.lines:
        if "leads" in line:
            known = line["leads"]["rows"]
            abridged = Abridged()
            abridged.know(known)
            rows = _rows(known, kinds)
            planner = wiring.planner(rows.values()) if wiring.planner is not None else None
        elif "folds" in line:
            fold = line["folds"]
            abridged.know(fold["known"])
            rows |= _rows(fold["known"], kinds)
            before = dict(rows)
            outcome = fold_batch(
                wiring,
                rows,
                [envelope_of(one) for one in fold["inputs"]],
                now=datetime.fromisoformat(fold["now"]),
                planner=planner,
            )
            rows |= outcome.rows
            decided.append(abridged.decided(json.loads(json.dumps(decided_of(outcome)))))
        else:
            rows = before
            planner = wiring.planner(rows.values()) if wiring.planner is not None else None
    return decided


def wiring_of(service: str, head: Json) -> Wiring:
    """As the service was wired in that run, but for its outside."""
    match service:
        case "jobs_controller":
            return jobs_controller.wiring(lambda grant: MASKED)
        case "scheduler":
            return scheduler.wiring(timedelta(seconds=head["idle_grace_s"]))
        case "optimizer":
            return optimizer.wiring(Broker(()))
        case "provisioner":
            return provisioner.wiring(())  # a leader makes the first rows of infras: they are in the journal
        case _:
            raise ValueError(f"there is no service {service} that folds")


def envelope_of(told: Json) -> Envelope:
    return decode(Packet(told["subject"], told["headers"], json.dumps(told["body"]).encode()))


def _rows(told: Iterable[Json], kinds: dict[str, type[Aggregate]]) -> Rows:
    read: Iterator[Any] = (kinds[one["kind"]].model_validate_json(json.dumps(one["state"])) for one in told)
    return {row.ref: row for row in read}
