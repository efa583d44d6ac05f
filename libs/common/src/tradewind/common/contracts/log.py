"""What a rank printed, on its way: raw bytes with the offset at which they stand in the rank's log.

They arrive at least once and in order, so a reader keeps the offset that it has reached for each fence and
drops what lies before it. A gap means that the stream has dropped the oldest chunks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tradewind.common.contracts.envelope import Packet
from tradewind.common.contracts.values import Fence

OFFSET = "Tw-Offset"
INCARNATION = "Tw-Incarnation"
CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogChunk:
    node: str
    fence: Fence
    offset: int
    body: bytes

    @property
    def end(self) -> int:
        return self.offset + len(self.body)

    @property
    def packet(self) -> Packet:
        headers = {
            OFFSET: str(self.offset),
            INCARNATION: str(self.fence.incarnation),
            "Nats-Msg-Id": f"{self.fence}/{self.offset}/{len(self.body)}",
        }
        return Packet(log_subject(self.node, self.fence), headers, self.body)

    @classmethod
    def read(cls, subject: str, headers: Mapping[str, str], body: bytes) -> "LogChunk":
        """Raises ValueError where it is no chunk of a log."""
        try:
            _, node, job, attempt, rank = subject.split(".")
            fence = Fence(
                job=job, attempt=int(attempt), rank=int(rank), incarnation=int(headers[INCARNATION])
            )
            return cls(node, fence, int(headers[OFFSET]), body)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{subject} is no chunk of a log: {error}") from None


def log_subject(node: str, fence: Fence) -> str:
    """`*` in place of the node finds a rank's log wherever it ran."""
    return f"log.{node}.{fence.job}.{fence.attempt}.{fence.rank}"
