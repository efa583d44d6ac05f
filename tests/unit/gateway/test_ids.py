import time
from uuid import UUID

from tradewind.common.runtime.ids import new_uuid7


def test_sortable_unique_and_of_now() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_uuid7() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    first = UUID(ids[0])
    assert (first.version, first.variant) == (7, "specified in RFC 4122")
    assert 0 <= (first.int >> 80) - before < 1_000
