"""What goes wrong, how often, and when: one plan, drawn from the seed.

Each kind has a rate and a switch. A seed turns some kinds off and others up (swarm testing, Groce et al.,
ISSTA 2012): a run in which everything fails a little finds less than many runs that each fail in their own
way. When faults end nothing fails any more, and the system must come to rest.

Each strike has a name (`crash@scheduler#3`: the third that was due there), and all that is chosen about it
depends on the seed and that name alone. So a history can be run again with only some of its strikes, and one
that breaks a promise can be made short (`shrink`).
"""

import math
import re
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
    """A service stands still for longer than its lease, before its call or between the call's effect and its
    answer; another takes over; the first wakes up and goes on (a call)."""
    unknown: float = 0.003
    """A call takes effect, but its caller hears that it failed (a call)."""
    duplicate: float = 0.02
    """A message comes again, outside the server's window for duplicates (a message)."""
    late_want: float = 0.0
    """A want comes again, and takes the place of newer ones, as from a leader that wakes up after minutes.
    Off unless asked for: as a `freeze` it is in the mix (a want)."""
    delay: float = 0.02
    """A consumer is given nothing for a while (a fetch)."""
    loss: float = 0.01
    """A message never arrives, where the design allows that (a delivery)."""
    lost_ack: float = 0.02
    """An ack does not arrive (an ack)."""
    slow_consumer: float = 1 / 900
    """A service takes seconds over each batch, for a while (a second and service)."""
    consumer_deleted: float = 1 / 1200
    """The server has forgotten a service's place in a stream: the durable is gone (a second)."""
    full_stream: float = 1 / 1200
    """EVENTS takes nothing more, until somebody reads or its oldest have aged (a second)."""
    lost_commit: float = 0.005
    """A transaction fails, to be tried again (a serialization failure, a lost session); it may have been
    applied all the same (a commit)."""
    garbage: float = 0.03
    """Beside a job another one is submitted that no store can hold (a submission)."""
    store_down: float = 1 / 600
    """A service's store answers nothing for a while (a second)."""
    bus_down: float = 1 / 900
    """The bus answers nobody for a while (a second)."""
    blackout: float = 1 / 1800
    """Every service dies at once, and the bus is down for a while (a second)."""
    lost_end: float = 0.3
    """The bus comes back without what it had not on its disk, the last messages of its streams (a loss of the
    bus).
    """
    agent_crash: float = 1 / 300
    """An agent dies, its processes live; it starts again from its journal (a second and node)."""
    cut_off: float = 1 / 600
    """An agent reaches nobody for a while, and runs on (a second and node)."""
    mute: float = 1 / 1200
    """An agent hears, and what it says does not arrive, for a while (a second and node)."""
    deaf: float = 1 / 1200
    """An agent speaks, and hears nothing, for a while (a second and node)."""
    skew: float = 0.1
    """The clock of a machine goes wrong by seconds to minutes (a machine)."""
    clock_jump: float = 1 / 1200
    """The clock of a machine jumps (a second and node)."""
    node_loss: float = 1 / 900
    """A machine is gone with all that runs on it (a second and node)."""
    reclaim: float = 1 / 400
    """The infra takes a spot machine away, with a notice of 0 to 120 s (a second and spot node)."""
    zone_down: float = 1 / 1800
    """Every machine of a zone or a region is gone, and nothing is to be had there for a while (a second)."""
    refusal: float = 0.2
    """The infra refuses: capacity, quota, auth, invalid, each with its scope; maybe some came (a launch)."""
    ghost: float = 0.02
    """A launch brings one more machine, which bears our marks, and which no answer ever names (a launch)."""
    cloud_error: float = 0.05
    """A call to the infra fails, or takes effect and says that it failed (a call)."""
    throttled: float = 1 / 900
    """The infra answers few calls for a while (a second)."""
    lagging_list: float = 0.1
    """A survey misses young machines, and shows dead ones (a survey)."""
    stubborn: float = 0.1
    """Machines do not end the first times that they are told to (a launch)."""
    slow_boot: float = 0.05
    """Machines come up after minutes, or never (a launch)."""

    def only(self, *kinds: str) -> "Rates":
        """These kinds, and no others."""
        return Rates(**{one: getattr(self, one) if one in kinds else 0.0 for one in KINDS})

    def but(self, changes: Mapping[str, float]) -> "Rates":
        return replace(self, **changes)


KINDS = tuple(one.name for one in fields(Rates))
A_SECOND = frozenset(
    {
        *("restart", "slow_consumer", "store_down", "blackout"),
        *("bus_down", "full_stream", "consumer_deleted"),
        *("agent_crash", "cut_off", "mute", "deaf", "clock_jump"),
        *("node_loss", "reclaim", "zone_down", "throttled"),
    }
)
"""Kinds that strike at a rate a second; the rate of any other is its chance each time."""
STRIKE = re.compile(r"\w+(@[^@#,]+)?#[1-9]\d*")
ALL = Rates()
NONE = ALL.only()


class UnknownFault(ValueError):
    """A word of a list of faults or strikes that names none. The text says which, and what there is."""


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
        chosen[kind] = _rate(kind, rate) if rate else getattr(base, kind)
    return NONE.but(chosen)


def _rate(kind: str, text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        raise UnknownFault(f"the rate of {kind} must be a number, not {text!r}") from None
    if kind in A_SECOND and not 0.0 <= rate < math.inf:
        raise UnknownFault(f"the rate of {kind} must be 0 or more (a second), not {text}")
    if kind not in A_SECOND and not 0.0 <= rate <= 1.0:
        raise UnknownFault(f"the rate of {kind} must be in 0..1 (a chance), not {text}")
    return rate


def parse_strikes(text: str) -> frozenset[str]:
    """Names with commas: `crash@scheduler#3,bus_down#1`. Whether they ever come about, only a run shows.

    Raises:
        UnknownFault
    """
    names = frozenset(filter(None, (word.strip() for word in text.split(","))))
    for name in sorted(names):
        if STRIKE.fullmatch(name) is None or kind_of(name) not in KINDS:
            raise UnknownFault(
                f"{name!r} names no strike: write KIND#N or KIND@PLACE#N, with a KIND of {', '.join(KINDS)}"
            )
    return names


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault at one moment, and the choices about it."""

    name: str
    random: Random

    def between(self, low: float, high: float) -> float:
        return self.random.uniform(low, high)

    def often_short(self, low: float, middle: float, high: float) -> float:
        """Mostly between `low` and `middle`, sometimes up to `high`."""
        return self.between(low, middle) if self.random.random() < 0.7 else self.between(middle, high)


def kind_of(strike: str) -> str:
    """Of the name of a strike."""
    return strike.partition("#")[0].partition("@")[0]


class Dice:
    """Thrown each time that a fault of one kind could strike one thing. It has drawn the number of the next
    throw that strikes, which is the same as chance each time, and costs nothing in between.
    """

    __slots__ = ("_left", "_name", "_plan", "_random", "_rate", "due", "kind")

    def __init__(self, plan: "FaultPlan", kind: str, of: str) -> None:
        self._plan = plan
        self.kind = kind
        self._name = f"{kind}@{of}" if of else kind
        self._rate: float = getattr(plan.rates, kind)
        self._random = Random(f"fault/{plan.seed}/{self._name}")
        self.due = 0
        """How often it was due, whether or not it was let."""
        self._left = self._gap() if self._rate > 0.0 else 0

    def throw(self) -> Strike | None:
        if self._rate <= 0.0:
            return None
        self._left -= 1
        if self._left > 0 or self._plan.quiet:
            return None
        self._left = self._gap()
        return self.now()

    def now(self) -> Strike | None:
        """It is due. None: this one is not let."""
        self.due += 1
        return self._plan.let(self.kind, f"{self._name}#{self.due}")

    def pause_s(self) -> float | None:
        """Seconds until a fault with a rate a second is due next; None: never."""
        return self._random.expovariate(self._rate) if self._rate > 0.0 else None

    def _gap(self) -> int:
        if self._rate >= 1.0:
            return 1
        return 1 + int(math.log(1.0 - self._random.random()) / math.log(1.0 - self._rate))


@dataclass(slots=True)
class FaultPlan:
    """Decides, each time something could go wrong, whether it does; and counts."""

    seed: int
    rates: Rates
    only: frozenset[str] | None = None
    """The names of the strikes that are let; None: all."""
    injected: Counter[str] = field(default_factory=Counter[str])
    struck: list[str] = field(default_factory=list[str])
    """The names of those that have struck, in order."""
    quiet: bool = False
    random: Random = field(default_factory=Random)
    """For what is chance and no fault."""
    _dice: dict[tuple[str, str], Dice] = field(default_factory=dict[tuple[str, str], Dice])

    def __post_init__(self) -> None:
        self.random = Random(f"chance/{self.seed}")

    @classmethod
    def draw(
        cls, seed: int, rates: Rates, *, swarm: bool = True, only: frozenset[str] | None = None
    ) -> "FaultPlan":
        return cls(seed, swarm_rates(seed, rates) if swarm else rates, only)

    @property
    def kinds(self) -> frozenset[str]:
        """Those that may strike."""
        let = {kind_of(name) for name in self.only} if self.only is not None else set(KINDS)
        return frozenset(kind for kind in let if getattr(self.rates, kind, 0.0) > 0.0)

    def dice(self, kind: str, of: str = "") -> Dice:
        """The dice of a kind for one thing, or for all."""
        found = self._dice.get((kind, of))
        if found is None:
            found = self._dice[kind, of] = Dice(self, kind, of)
        return found

    def strikes(self, kind: str, of: str = "") -> Strike | None:
        return self.dice(kind, of).throw()

    def let(self, kind: str, name: str) -> Strike | None:
        if self.only is not None and name not in self.only:
            return None
        self.injected[kind] += 1
        self.struck.append(name)
        return Strike(name, Random(f"strike/{self.seed}/{name}"))

    def missed(self, kind: str, strike: Strike) -> None:
        """There was nothing to strike."""
        self.injected[kind] -= 1
        self.struck.remove(strike.name)


def swarm_rates(seed: int, rates: Rates) -> Rates:
    """The rates that a seed makes of these."""
    scaled = {
        kind: getattr(rates, kind) * Random(f"swarm/{seed}/{kind}").choice((0.0, 0.5, 1.0, 1.0, 3.0))
        for kind in KINDS
    }
    return rates.but(scaled)
