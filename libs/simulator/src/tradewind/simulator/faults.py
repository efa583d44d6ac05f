"""What goes wrong, how often, and when: one plan, drawn from the seed.

Each kind has a rate and a switch. A seed turns some kinds off and others up (swarm testing, Groce et al.,
ISSTA 2012): a run in which everything fails a little finds less than many runs that each fail in their own
way. After `quiet_after_s` of virtual time nothing fails any more, and the system must come to rest.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from random import Random


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each kind strikes. 0 switches it off."""

    crash: float = 0.002
    """A service dies before or after a call to its store or bus, and is started again (a call)."""
    restart: float = 1 / 900
    """A service is asked to end, as for an update, and another one starts (a second and service)."""
    freeze: float = 0.0003
    """A service stands still for longer than its lease, another takes over, the first wakes up (a call)."""
    unknown: float = 0.003
    """A call takes effect, but its caller hears that it failed (a call)."""
    duplicate: float = 0.02
    """A message comes again, outside the server's window for duplicates (a message)."""
    delay: float = 0.02
    """A consumer is given nothing for a while (a fetch)."""
    loss: float = 0.01
    """A message never arrives, where the design allows that (a delivery)."""
    lost_ack: float = 0.02
    """An ack does not arrive (an ack)."""
    store_down: float = 1 / 600
    """A service's store answers nothing for a while (a second)."""
    bus_down: float = 1 / 900
    """The bus answers nobody for a while (a second)."""
    blackout: float = 1 / 1800
    """Every service dies at once, and the bus is down for a while (a second)."""
    lost_end: float = 0.0
    """The bus comes back without the last messages of its streams (a loss of the bus). Off unless asked
    for: it strikes through a hole that is known (`tests/simulation/test_known_holes.py`).
    """
    agent_crash: float = 1 / 300
    """An agent dies, its processes live; it starts again from its journal (a second and node)."""
    cut_off: float = 1 / 600
    """An agent reaches nobody for a while, and runs on (a second and node)."""
    node_loss: float = 1 / 900
    """A machine is gone with all that runs on it (a second and node)."""
    refusal: float = 0.2
    """The infra has no capacity there now (a launch)."""
    cloud_error: float = 0.05
    """A call to the infra fails, or takes effect and says that it failed (a call)."""

    def only(self, *kinds: str) -> "Rates":
        """These kinds, and no others."""
        return Rates(**{one: getattr(self, one) if one in kinds else 0.0 for one in KINDS})

    def but(self, changes: Mapping[str, float]) -> "Rates":
        return replace(self, **changes)


KINDS = tuple(one.name for one in fields(Rates))
ALL = Rates()
NONE = ALL.only()


class UnknownFault(ValueError):
    """A word of a fault list that names none. The text says which, and what there is."""


def parse(text: str, base: Rates | None = None) -> Rates:
    """`none`, `all`, or a comma-separated list of kinds, each with an optional rate: `crash=0.01,loss`.

    Raises:
        UnknownFault
    """
    base = base or ALL
    if text in {"all", "none"}:
        return base if text == "all" else NONE
    chosen: dict[str, float] = {}
    for word in text.split(","):
        kind, _, rate = word.strip().partition("=")
        if kind not in KINDS:
            raise UnknownFault(f"no fault is named {kind!r}: write all, none, or some of {', '.join(KINDS)}")
        try:
            chosen[kind] = float(rate) if rate else getattr(base, kind)
        except ValueError:
            raise UnknownFault(f"the rate of {kind} must be a number, not {rate!r}") from None
    return NONE.but(chosen)


@dataclass(slots=True)
class FaultPlan:
    """Decides, each time something could go wrong, whether it does; and counts."""

    rates: Rates
    random: Random
    quiet_after_s: float
    injected: Counter[str] = field(default_factory=Counter[str])
    quiet: bool = False

    @classmethod
    def draw(cls, seed: int, rates: Rates, *, quiet_after_s: float) -> "FaultPlan":
        random = Random(f"faults/{seed}")
        scaled = {kind: getattr(rates, kind) * random.choice((0.0, 0.5, 1.0, 1.0, 3.0)) for kind in KINDS}
        return cls(rates.but(scaled), random, quiet_after_s)

    def strikes(self, kind: str) -> bool:
        rate: float = getattr(self.rates, kind)
        if self.quiet or rate <= 0.0 or self.random.random() >= rate:
            return False
        self.injected[kind] += 1
        return True

    def pause_s(self, kind: str) -> float | None:
        """Seconds until a fault of a kind with a rate a second strikes next; None: never."""
        rate: float = getattr(self.rates, kind)
        return self.random.expovariate(rate) if rate > 0.0 and not self.quiet else None

    def between(self, low: float, high: float) -> float:
        return self.random.uniform(low, high)

    def often_short(self, low: float, middle: float, high: float) -> float:
        """Mostly between `low` and `middle`, sometimes up to `high`."""
        return self.between(low, middle) if self.random.random() < 0.7 else self.between(middle, high)
