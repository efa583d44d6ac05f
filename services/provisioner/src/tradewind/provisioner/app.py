"""The provisioner as an app: its wiring, its drivers, their hands and their watch, and its answers."""

from collections.abc import Mapping, Sequence

from tradewind.common.bus.edges import Endpoint, serve
from tradewind.common.bus.node_users import NodeUsers
from tradewind.common.contracts.mock import FailMock, HealMock, MockReport, ReclaimMock, ShowMock
from tradewind.common.hands import Hand
from tradewind.common.runtime.service import Outside, ServiceApp
from tradewind.common.runtime.settings import SettingMissing, Settings
from tradewind.provisioner.enrolment import Enrolment
from tradewind.provisioner.hands import hands
from tradewind.provisioner.infra.driver import Driver
from tradewind.provisioner.infra.local import Limits, LocalDriver
from tradewind.provisioner.infra.mock.by_hand import ByHand
from tradewind.provisioner.infra.mock.switch import mock_drivers
from tradewind.provisioner.watch import watch
from tradewind.provisioner.wiring import wiring


def app(settings: Settings) -> ServiceApp:
    """Raises SettingMissing, or ValueError for one that makes no sense."""
    pid_file = settings.nats_pid_file
    if pid_file is None:
        raise SettingMissing(
            "nodes need TRADEWIND_NATS_PID_FILE: name the pid file of the bus that they join"
        )
    users = NodeUsers(users_file=settings.home / "nats" / "nodes.conf", pid_file=pid_file)
    local: Driver = LocalDriver(settings.home / "nodes", Limits.from_env())
    mocks = mock_drivers(settings.home)
    drivers: dict[str, Driver] = {driver.name: driver for driver in (local, *mocks)}

    def make_hands(outside: Outside) -> Mapping[str, Hand]:
        enrolment = Enrolment(users, outside.connection.js, settings.nats_url)
        return hands(drivers, enrolment=enrolment, clock=outside.clock)

    async def watch_drivers(outside: Outside) -> None:
        await watch(outside.bus, drivers.values(), outside.clock)

    async def questions(outside: Outside) -> None:
        endpoints = mock_endpoints(ByHand(mocks))
        await serve(endpoints, service="provisioner", nats_url=outside.settings.nats_url)

    return ServiceApp(wiring(drivers), settings, hands=make_hands, beside=(watch_drivers, questions))


def mock_endpoints(by_hand: ByHand) -> Sequence[Endpoint]:
    """What is asked of the scripted clouds; answered where there are none, too."""

    async def show(_: ShowMock) -> MockReport:
        return by_hand.show()

    return (
        Endpoint(ShowMock, show),
        Endpoint(ReclaimMock, by_hand.reclaim),
        Endpoint(FailMock, by_hand.fail),
        Endpoint(HealMock, by_hand.heal),
    )
