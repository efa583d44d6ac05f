"""A service as a value: its rows, its reactions, its hands. `services/*/wiring.py` holds one each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Command, Event, Message, Report, Said
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.decision import Ctx, Decide, Decision


class Alarm(Message, owner="reactor", name="alarm"):
    """The input of a row whose `wake_at` has come. Made by the leader, never published."""

    kind: str
    id: str

    @property
    def subject(self) -> str:
        return ""

    @property
    def about(self) -> str:
        return self.id

    @classmethod
    def subjects(cls) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Reaction:
    """When a message of `on` (or of a contract below it) arrives, `decide` it for each row that `keys`
    names.
    """

    on: type[Message]
    kind: type[Aggregate]
    keys: Callable[[Any], Iterable[str]]
    decide: Decide[Any, Any]

    def refs(self, message: Message) -> list[Ref]:
        return [Ref(self.kind.kind, key) for key in self.keys(message)]


def on(
    message: type[Message],
    kind: type[Aggregate],
    *,
    key: Callable[[Any], str | Iterable[str]],
    decide: Decide[Any, Any],
) -> Reaction:
    """A reaction to `message` by the row (or the rows) of `kind` that `key` names."""

    def keys(heard: Any) -> Iterable[str]:
        named = key(heard)
        return (named,) if isinstance(named, str) else named

    return Reaction(message, kind, keys, decide)


class Planner(Protocol):
    """Choices over many rows, made once a batch. It keeps an index of the rows; it is rebuilt from them
    when in doubt.
    """

    def observe(self, changed: Iterable[Aggregate]) -> None:
        """Take note of the newest state of some rows."""
        ...

    def plan(self, ctx: Ctx) -> Sequence[Decision[Any]]:
        """What follows from the rows as they are now. Each decision names its row by its state."""
        ...


@dataclass(frozen=True, slots=True)
class Wiring:
    """Everything that a service is, apart from its I/O."""

    service: str
    kinds: tuple[type[Aggregate], ...]
    reactions: tuple[Reaction, ...]
    alarms: dict[type[Aggregate], Callable[[Any, Ctx], Decision[Any]]]
    planner: Callable[[Iterable[Aggregate]], Planner] | None = None
    """Makes the planner from all living rows."""
    seeds: Callable[[], Iterable[Aggregate]] = tuple
    """Rows that exist from the first start on. Each is woken whenever a leader starts."""
    hands: dict[str, type[Value]] = field(default_factory=dict[str, type[Value]])
    """The names of the hands that carry out its intents, and what each is given."""
    _by_type: dict[type[Message], tuple[Reaction, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def reactions_to(self, message: Message) -> tuple[Reaction, ...]:
        known = self._by_type.get(type(message))
        if known is None:
            known = tuple(reaction for reaction in self.reactions if isinstance(message, reaction.on))
            self._by_type[type(message)] = known
        return known

    def refs(self, message: Message) -> list[Ref]:
        """The rows that a message concerns."""
        if isinstance(message, Alarm):
            return [Ref(message.kind, message.id)]
        return [ref for reaction in self.reactions_to(message) for ref in reaction.refs(message)]

    def subjects(self) -> dict[str, tuple[str, ...]]:
        """The subject filters of what it hears, by stream."""
        heard: dict[str, set[str]] = {}
        for reaction in self.reactions:
            heard.setdefault(stream_of(reaction.on), set()).add(reaction.on.subjects())
        if any(issubclass(reaction.on, Command) for reaction in self.reactions):
            # A command nobody has a reaction for must surface as a dead letter, not stay in the stream
            # unseen.
            heard["COMMANDS"] = {f"cmd.{self.service}.>"}
        return {stream: tuple(sorted(_widest(filters))) for stream, filters in sorted(heard.items())}


def stream_of(contract: type[Message]) -> str:
    """The stream that carries messages of a contract."""
    if issubclass(contract, Event):
        return "EVENTS"
    if issubclass(contract, Command):
        return "COMMANDS"
    if issubclass(contract, Said | Report):
        return "SAID"
    raise TypeError(f"{contract.__name__} is not heard from a stream")


def _widest(filters: set[str]) -> set[str]:
    """Without those that another one covers: consumers must not have overlapping filters."""
    return {one for one in filters if not any(other != one and _covers(other, one) for other in filters)}


def _covers(wide: str, narrow: str) -> bool:
    left, right = wide.split("."), narrow.split(".")
    return len(left) == len(right) and all(a in ("*", b) for a, b in zip(left, right, strict=True))
