"""What a task would cost, shown before money is spent."""

from tradewind.client.cli import words
from tradewind.client.cli.asking import agree
from tradewind.client.cli.output import note, show_table
from tradewind.client.client import Client
from tradewind.client.errors import Unavailable
from tradewind.client.records import Offers, Place, Room
from tradewind.client.task import Task

_SHOWN = 10


def ask_price(client: Client, task: Task) -> Offers:
    """The offers that could run a task, the cheapest first."""
    role = task.spec.roles[0]
    return client.offers(role.shape, count=role.count)


def show_offers(offers: Offers, *, most: int = _SHOWN, err: bool = False) -> None:
    """The cheapest offers; the cheapest one that can be launched is among them if there is any."""
    if not offers.candidates:
        note(f"no offer fits{f': {offers.why_none}' if offers.why_none else ''}")
        return
    shown = list(offers.candidates[:most])
    enabled = next((each for each in offers.candidates if each.enabled), None)
    if enabled is not None and enabled not in shown:
        shown[-1] = enabled
    show_table(
        ["INFRA", "INSTANCE", "VCPUS", "MEM(GIB)", "GPUS", "SPOT", "$/H", "ENABLED"],
        [
            [
                str(each.place),
                each.place.instance_type,
                *room(each.place),
                "spot" if each.place.spot else "-",
                words.usd(each.hourly_usd),
                "yes" if each.enabled else "no",
            ]
            for each in shown
        ],
        err=err,
    )
    if len(offers.candidates) > len(shown):
        note(f"the cheapest {len(shown)} of {offers.considered} offers considered")


def agree_to_price(client: Client, task: Task, *, yes: bool, quiet: bool) -> None:
    """Show what it would cost, and ask before money is spent. `yes`: agreed already; `quiet`: show nothing.

    Raises:
        click.Abort: the person said no.
        NobodyToAsk
    """
    if yes and quiet:
        return
    try:
        offers = ask_price(client, task)
    except Unavailable as why:
        note(f"the price is not known now: {why}")
        price = None
    else:
        if not quiet:
            show_offers(offers, err=True)
        cheapest = next((each for each in offers.candidates if each.enabled), None)
        if cheapest is None:
            note("nothing that is enabled here can run it: it will wait until something can")
            return
        price = cheapest.hourly_usd
    if not yes and price != 0:
        costs = "a price not known now" if price is None else f"{words.usd(price)} an hour"
        agree(f"This costs {costs}. Go on?", told=f"this would cost {costs}")


def room(place: Place) -> tuple[str, str, str]:
    """vCPUs, memory and accelerators of one node, in words."""
    return words.number(place.room.cpus), words.number(place.room.memory_gib), accelerators(place.room)


def accelerators(room: Room) -> str:
    return f"{room.accelerator}:{room.accelerator_count}" if room.accelerator else "-"
