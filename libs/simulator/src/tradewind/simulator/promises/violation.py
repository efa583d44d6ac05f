"""How a promise says that it was broken, and who listens."""

from collections.abc import Callable, Iterator

Broken = Iterator[str]
"""How it was broken, each time; nothing where it was kept."""


class Violation(Exception):
    """A promise was broken. `promise` is its name, `meaning` the promise itself."""

    def __init__(self, promise: str, meaning: str, how: str) -> None:
        super().__init__(f"{promise}: {how}")
        self.promise = promise
        self.meaning = meaning
        self.how = how

    def __reduce__(self) -> tuple[type["Violation"], tuple[str, str, str]]:
        # An exception is pickled by its message alone.
        return Violation, (self.promise, self.meaning, self.how)


def judge(promises: "tuple[Callable[..., Broken], ...]", *touched: object) -> None:
    """Raises Violation on the first promise that is broken."""
    for promise in promises:
        for how in promise(*touched):
            raise Violation(promise.__name__, (promise.__doc__ or "").strip(), how)
