"""What a person is told who names a machine that is not there."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.provisioner.mock.scripted import order, place, script
from tradewind.common.contracts.mock import ReclaimMock
from tradewind.common.contracts.node_file import NodeCredentials
from tradewind.provisioner.infra.driver import Admission
from tradewind.provisioner.infra.mock.by_hand import ByHand
from tradewind.provisioner.infra.mock.driver import MockDriver

NODES = [f"{letter}3eef741-1111-5940-8d5c-dd0175e0c18f" for letter in "abcdefg"]
NO_SUCH = "no machine 'zzzz' of the scripted clouds is running"


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ((), "no machine of the scripted clouds is running"),
        (NODES[:1], f"{NO_SUCH}: what runs is a3eef741"),
        (NODES, f"{NO_SUCH}: what runs is a3eef741, b3eef741, c3eef741, d3eef741, e3eef741 and 2 more"),
    ],
)
async def test_who_names_no_machine_is_told_which_run(
    tmp_path: Path, nodes: Sequence[str], said: str
) -> None:
    infra, cloud = next(iter(script().by_infra().items()))
    driver = MockDriver(infra, cloud, home=tmp_path)
    if nodes:
        admission = Admission("nats://h:1", NodeCredentials(user="u", password="p"))
        here = order(place(driver.cloud), *nodes)
        await driver.launch(here, token="t", admissions=dict.fromkeys(nodes, admission))
    report = await ByHand([driver]).reclaim(ReclaimMock(node="zzzz"))
    assert (report.refused, report.did) == (said, ())
