"""A history with a name, kept in a file: one that once broke a promise, and must not do so again."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tradewind.simulator import faults, workload
from tradewind.simulator.faults import KINDS, kind_of, swarm_rates
from tradewind.simulator.setup import FAULTS_END_S, SUBMITTED_OVER_S, Setup
from tradewind.simulator.workload import Ask

ASKS = TypeAdapter(tuple[Ask, ...])


class BadCase(ValueError):
    """A file that is no case. The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """`promise` is the one that it broke, `why` the fault that was found by it, in a sentence."""

    name: str
    why: str
    promise: str
    setup: Setup


def settled(setup: Setup) -> Setup:
    """The same history, told in full: what is asked for, and at which rates, no longer depends on how a seed
    draws them. So a kept case stays what it is when the draw changes.
    """
    load = workload.draw(
        setup.seed, jobs=setup.jobs, over_s=SUBMITTED_OVER_S, asks=setup.load, only=setup.asks
    )
    rates = swarm_rates(setup.seed, setup.rates) if setup.swarm else setup.rates
    if setup.strikes is not None:
        rates = rates.only() if not setup.strikes else _those_of(setup.strikes, rates)
    return replace(setup, jobs=load.jobs, rates=rates, swarm=False, load=load.asks, asks=None)


def to_json(case: Case) -> str:
    setup = settled(case.setup)
    rates = {kind: getattr(setup.rates, kind) for kind in KINDS if getattr(setup.rates, kind)}
    told: dict[str, Any] = {
        "name": case.name,
        "why": case.why,
        "promise": case.promise,
        "seed": setup.seed,
        "faults": rates,
        "faults_end_s": setup.faults_end_s,
        "strikes": sorted(setup.strikes) if setup.strikes is not None else None,
        "asks": ASKS.dump_python(setup.load or (), mode="json", exclude_defaults=True),
    }
    return json.dumps(told, indent=1) + "\n"


def read(path: Path) -> Case:
    """Raises BadCase."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        asks = ASKS.validate_python(told["asks"], strict=False)
        strikes = told.get("strikes")
        rates = faults.NONE.but({kind: float(rate) for kind, rate in told["faults"].items()})
        setup = Setup(
            seed=int(told["seed"]),
            jobs=sum(ask.count or 1 for ask in asks),
            rates=rates,
            swarm=False,
            faults_end_s=float(told.get("faults_end_s", FAULTS_END_S)),
            load=asks,
            strikes=faults.parse_strikes(",".join(strikes)) if strikes is not None else None,
        )
        return Case(told["name"], told["why"], told["promise"], setup)
    except OSError as reason:
        raise BadCase(f"{path} cannot be read: {reason.strerror}") from None
    except KeyError as missing:
        raise BadCase(f"{path} is no case of the simulator: it has no {missing}") from None
    except ValidationError as reason:
        first = reason.errors()[0]
        where = ".".join(map(str, ("asks", *first["loc"])))
        raise BadCase(f"{path} is no case of the simulator: {where}: {first['msg']}") from None
    except (ValueError, TypeError, AttributeError) as reason:
        raise BadCase(f"{path} is no case of the simulator: {reason}") from None


def _those_of(strikes: frozenset[str], rates: faults.Rates) -> faults.Rates:
    """A kind that never strikes may as well have no rate: each has chances of its own."""
    return rates.only(*{kind_of(name) for name in strikes})
