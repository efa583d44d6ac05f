"""Specs, with the hot ones in memory: what an array of thousands of jobs starts from is read once."""

from collections import OrderedDict
from dataclasses import dataclass

from tradewind.common.contracts.task import JobSpec
from tradewind.gateway.submission_store import SubmissionStore

KEPT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Spec:
    """As it was stored. `blobs` are those that it names."""

    body: bytes
    blobs: frozenset[str]


class Specs:
    """A spec never changes under its ref, so what is in memory is right."""

    def __init__(self, store: SubmissionStore, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._store = store
        self._kept: OrderedDict[str, Spec] = OrderedDict()
        self._room = kept_bytes

    async def get(self, ref: str) -> Spec | None:
        """Raises Unavailable."""
        known = self._kept.get(ref)
        if known is not None:
            self._kept.move_to_end(ref)
            return known
        body = await self._store.spec(ref)
        if body is None:
            return None
        workdir = JobSpec.model_validate_json(body).workdir
        spec = Spec(body, frozenset({workdir} if workdir else ()))
        self._keep(ref, spec)
        return spec

    def _keep(self, ref: str, spec: Spec) -> None:
        if ref in self._kept:
            return  # another request was faster
        self._kept[ref] = spec
        self._room -= len(spec.body)
        while self._room < 0:
            _, oldest = self._kept.popitem(last=False)
            self._room += len(oldest.body)
