"""The five kinds of message, and the registry in which each contract declares itself once.

A contract names itself where it is defined::

    class JobEvent(Event, owner="jobs_controller", noun="job"): ...
    class JobQueued(JobEvent, name="queued"): ...

Subjects follow design.md §4: `evt.<workspace>.<noun>.<event>`, `cmd.<owner>.<verb>`, `want.<node>.<job>`,
`said.<node>.<what>` and `said.hand.<service>.<what>`.
"""

from collections.abc import Iterator
from typing import ClassVar, Unpack

from pydantic import ConfigDict

from tradewind.common.contracts.base import Value


class Message(Value):
    """Anything that is published. `type_name` is its CloudEvents type."""

    owner: ClassVar[str] = ""
    noun: ClassVar[str] = ""
    name: ClassVar[str] = ""
    type_name: ClassVar[str] = ""

    def __init_subclass__(
        cls, *, owner: str = "", noun: str = "", name: str = "", **config: Unpack[ConfigDict]
    ) -> None:
        super().__init_subclass__(**config)
        cls.owner = owner or cls.owner
        cls.noun = noun or cls.noun
        if name:
            cls.name = name
            cls.type_name = f"tradewind.{cls.noun or cls.owner}.{name}"
            _register(cls)

    @property
    def subject(self) -> str:
        raise NotImplementedError

    @property
    def about(self) -> str:
        """The id of the thing that the message is about (`ce-subject`)."""
        raise NotImplementedError

    @property
    def ttl_s(self) -> int | None:
        """After how many seconds the bus may forget it; None for the stream's own rule."""
        return None

    @classmethod
    def subjects(cls) -> str:
        """The subject filter under which every message of this contract (and of those below it) arrives."""
        raise NotImplementedError


class Event(Message):
    """What happened, and the owner's public state after it. Only the owner publishes under its nouns."""

    @property
    def level(self) -> "Level":
        """The public state that the event carries."""
        raise NotImplementedError

    @property
    def subject(self) -> str:
        return f"evt.{self.level.workspace}.{self.noun}.{self.name}"

    @property
    def about(self) -> str:
        return self.level.id

    @classmethod
    def subjects(cls) -> str:
        return f"evt.*.{cls.noun}.{cls.name or '*'}"


class Level(Value):
    """The public state of one thing, with the version of its row. A reader ignores what is not newer than
    what it saw.
    """

    id: str
    workspace: str
    version: int


class Command(Message):
    """A durable request to the owner of a thing."""

    id: str
    workspace: str

    @property
    def subject(self) -> str:
        return f"cmd.{self.owner}.{self.name}"

    @property
    def about(self) -> str:
        return self.id

    @classmethod
    def subjects(cls) -> str:
        return f"cmd.{cls.owner}.{cls.name or '*'}"


class Want(Message, noun="want"):
    """What a node should run: a stored last value for each job that has a rank there."""

    node: str
    job: str

    @property
    def subject(self) -> str:
        return f"want.{self.node}.{self.job}"

    @property
    def about(self) -> str:
        return self.job

    @classmethod
    def subjects(cls) -> str:
        return "want.>"


class Said(Message, noun="said"):
    """What a node measured or did. The node's credential lets it speak for itself alone."""

    node: str

    @property
    def subject(self) -> str:
        return f"said.{self.node}.{self.name}"

    @property
    def about(self) -> str:
        return self.node

    @classmethod
    def subjects(cls) -> str:
        return f"said.*.{cls.name}"


class Report(Message, noun="hand"):
    """What a hand did about an intent. It closes the intent in the transaction that folds it."""

    intent: str
    target: str

    @property
    def subject(self) -> str:
        return f"said.hand.{self.owner}.{self.name}"

    @property
    def about(self) -> str:
        return self.target

    @classmethod
    def subjects(cls) -> str:
        return f"said.hand.{cls.owner}.{cls.name}"


_contracts: dict[str, type[Message]] = {}


def _register(contract: type[Message]) -> None:
    known = _contracts.get(contract.type_name)
    if known is not None and (known.__module__, known.__qualname__) != (
        contract.__module__,
        contract.__qualname__,
    ):
        raise TypeError(
            f"{contract.type_name} is declared by {known.__qualname__} and by {contract.__qualname__}"
        )
    _contracts[contract.type_name] = contract


def contract(type_name: str) -> type[Message] | None:
    """The contract registered under a CloudEvents type, or None."""
    return _contracts.get(type_name)


def contracts() -> Iterator[type[Message]]:
    """Every registered contract, in the order of their type names."""
    return iter([_contracts[name] for name in sorted(_contracts)])
