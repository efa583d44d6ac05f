"""What a person does to the scripted clouds of an installation, and is shown of them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from tradewind.common.contracts.mock import (
    FailMock,
    HealMock,
    MockCloudState,
    MockLimit,
    MockMachine,
    MockOutage,
    MockReport,
    ReclaimMock,
)
from tradewind.provisioner.infra.mock.cloud import MockCloud, Unknown
from tradewind.provisioner.infra.mock.driver import MockDriver
from tradewind.provisioner.infra.mock.script import Where
from tradewind.provisioner.infra.mock.strict import nearest

_ENOUGH = 8
"""Characters of an id that tell it from others."""
_SHOWN = 5


class ByHand:
    """Over all scripted clouds at once: nodes, zones and regions are found in whichever has them."""

    def __init__(self, drivers: Iterable[MockDriver]) -> None:
        self._drivers = {driver.name: driver for driver in drivers}

    def show(self, *, did: Sequence[str] = (), refused: str = "") -> MockReport:
        now = _now()
        clouds = tuple(_state(driver.cloud, now) for driver in self._drivers.values())
        return MockReport(on=bool(clouds), clouds=clouds, did=tuple(did), refused=refused)

    async def reclaim(self, wish: ReclaimMock) -> MockReport:
        living = {one.node: driver for driver in self._drivers.values() for one in driver.cloud.living()}
        meant = [node for node in living if node.startswith(wish.node)]
        if len(meant) > 1:
            return self.show(refused=f"{wish.node!r} may be {' or '.join(meant[:3])}: write more of it")
        if not meant:
            return self.show(refused=_no_node(wish.node, list(living)))
        driver = living[meant[0]]
        driver.cloud.reclaim(meant[0], _now(), wish.notice_s)
        driver.advance()
        await driver.save()
        return self.show(did=meant)

    async def fail(self, wish: FailMock) -> MockReport:
        now = _now()
        until = None if wish.lasts_s is None else now + timedelta(seconds=wish.lasts_s)
        did: list[str] = []
        meant = self._meant(wish.where)
        for driver, where in meant:
            did += [one.node for one in driver.cloud.fail(where, now, until)]
            await driver.save()
        return self.show(did=did, refused="" if meant else self._no_place(wish.where))

    async def heal(self, wish: HealMock) -> MockReport:
        meant = (
            [(driver, None) for driver in self._drivers.values()]
            if wish.where is None
            else self._meant(wish.where)
        )
        did: list[str] = []
        for driver, where in meant:
            did += [one or driver.name for one in driver.cloud.heal(_now(), where)]
            await driver.save()
        return self.show(did=did, refused="" if meant or wish.where is None else self._no_place(wish.where))

    def _meant(self, where: str) -> list[tuple[MockDriver, str]]:
        """In which clouds, and as what: "" is a cloud as a whole. `mock/us/us-a` is `us-a` of `mock`."""
        first, _, rest = where.partition("/")
        if first in self._drivers:
            driver = self._drivers[first]
            name = rest.rpartition("/")[2]
            return [(driver, name)] if not name or _has(driver, name) else []
        return [(driver, where) for driver in self._drivers.values() if _has(driver, where)]

    def _no_place(self, where: str) -> str:
        known = [*self._drivers]
        for driver in self._drivers.values():
            known += [*driver.cloud.script.regions, *driver.cloud.script.zones]
        return f"{where!r} is no zone, region or infra of the scripted clouds: {nearest(where, known)}"


def _has(driver: MockDriver, name: str) -> bool:
    try:
        driver.cloud.require_known(name)
    except Unknown:
        return False
    return True


def _no_node(written: str, living: Sequence[str]) -> str:
    if not living:
        return "no machine of the scripted clouds is running"
    shown = [node[:_ENOUGH] for node in living[:_SHOWN]]
    if len(living) > _SHOWN:
        shown.append(f"{len(living) - _SHOWN} more")
    what = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
    return f"no machine {written!r} of the scripted clouds is running: what runs is {what}"


def _state(cloud: MockCloud, now: datetime) -> MockCloudState:
    living = cloud.living()
    limits = [
        MockLimit(
            what=_what(capacity),
            nodes=capacity.at((now - cloud.state.began_at).total_seconds()),
            in_use=sum(capacity.covers(one.place) for one in living),
        )
        for capacity in cloud.script.capacity
    ]
    limits += [
        MockLimit(
            what=f"quota of {_what(quota)}",
            nodes=quota.nodes,
            in_use=sum(quota.covers(one.place) for one in living),
        )
        for quota in cloud.script.quotas
        if quota.nodes is not None
    ]
    return MockCloudState(
        infra=cloud.infra,
        began_at=cloud.state.began_at,
        machines=tuple(
            MockMachine(
                node=one.node,
                name=one.name,
                place=one.place,
                launched_at=one.launched_at,
                booted=one.booted,
                reclaim_at=one.reclaim_at if one.noticed else None,
                cost_usd=one.cost_usd(now),
            )
            for one in living
        ),
        limits=tuple(limits),
        outages=tuple(
            MockOutage(where=down.where or cloud.infra, since=down.since, until=down.until)
            for down in cloud.down_at(now)
        ),
        machines_ever=len(cloud.machines),
        spent_usd=cloud.spent_usd(now),
    )


def _what(where: Where) -> str:
    bought = {True: "spot", False: "on demand", None: ""}[where.spot]
    named = (where.zone or where.region or "everywhere", where.type or "", bought)
    return " ".join(part for part in named if part)


def _now() -> datetime:
    return datetime.now(UTC)
