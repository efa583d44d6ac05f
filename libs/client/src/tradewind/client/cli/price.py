"""What a task would cost, shown before money is spent."""

from tradewind.client.cli import words
from tradewind.client.cli.asking import agree
from tradewind.client.cli.output import note, show_table
from tradewind.client.client import Client
from tradewind.client.errors import Unavailable
from tradewind.client.records import Offer, Offers, Place, Room
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
    enabled = cheapest(offers)
    if enabled is not None and enabled not in shown:
        shown[-1] = enabled
    # What is decided by comes first: a narrow terminal cuts from the right.
    show_table(
        ["INFRA", "$/H", "ENABLED", "INSTANCE", "VCPUS", "MEM(GIB)", "GPUS", "SPOT"],
        [
            [
                str(each.place),
                words.usd(each.hourly_usd),
                "yes" if each.enabled else "no",
                each.place.instance_type,
                *room(each.place),
                _spot(each.place),
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
        costs = "costs what is not known now"
    else:
        if not quiet:
            show_offers(offers, err=True)
        costs = what_it_costs(offers)
    if not yes and costs:
        agree(f"This {costs}. Go on?", told=f"this {costs}")


def what_it_costs(offers: Offers) -> str:
    """In words, as "this …"; empty if it costs nothing."""
    best = cheapest(offers)
    if best is not None:
        return f"costs {words.usd(best.hourly_usd)} an hour" if best.hourly_usd else ""
    if offers.candidates:
        least = words.usd(offers.candidates[0].hourly_usd)
        return f"waits until one of these can be launched from here, then costs {least} an hour or more"
    return "waits until something can run it, and then costs what is not known now"


def cheapest(offers: Offers) -> Offer | None:
    """The cheapest offer that can be launched."""
    return next((each for each in offers.candidates if each.enabled), None)


def _spot(place: Place) -> str:
    """And how much less that costs than the same on demand, where that is known."""
    if not place.spot:
        return "-"
    if not place.on_demand_usd_h or place.on_demand_usd_h <= place.price_usd_h:
        return "spot"
    return f"spot, {1 - place.price_usd_h / place.on_demand_usd_h:.0%} off"


def room(place: Place) -> tuple[str, str, str]:
    """vCPUs, memory and accelerators of one node, in words."""
    return words.number(place.room.cpus), words.number(place.room.memory_gib), accelerators(place.room)


def accelerators(room: Room) -> str:
    return f"{room.accelerator}:{room.accelerator_count}" if room.accelerator else "-"
