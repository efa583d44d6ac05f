"""The scripted cloud: a state machine without clock, files or chance of its own.

Whoever plays it says what time it is, calls `advance` when `next_at` says so, and before any other call.
All that is left to chance follows from the seed and from what it is about (a node, a token, a moment of the
script), so it does not depend on the order of calls, and a cloud that was written down goes on alike.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from random import Random

from tradewind.common.contracts.node import OwnOffer
from tradewind.common.contracts.values import Place
from tradewind.provisioner.contracts import Found, InstanceState, LaunchOrder
from tradewind.provisioner.infra.mock.refusing import grant
from tradewind.provisioner.infra.mock.script import Capacity, CloudScript, Outage, Reclaim
from tradewind.provisioner.infra.mock.state import (
    Booted,
    CloudState,
    Down,
    Ended,
    Happening,
    Outcome,
    ReclaimNoticed,
    Rented,
)
from tradewind.provisioner.infra.mock.strict import nearest

RECLAIMED = "reclaimed"
TERMINATED = "terminated"


class CallFailed(Exception):
    """The cloud did not do what it was asked for. It may, when it is asked again."""


class Unknown(ValueError):
    """There is no such node, zone or region. The text says what there is."""


class MockCloud:
    """One cloud of a script, under the name of its infra."""

    def __init__(self, infra: str, script: CloudScript, *, seed: int, state: CloudState) -> None:
        self.infra = infra
        self.script = script
        self.state = state
        self._seed = seed
        self._places = tuple(script.places(infra))
        self._moments = _moments(script)
        self._up = {node: machine for node, machine in state.machines.items() if machine.up}
        self._pending: list[Happening] = []
        """What was brought about by hand, until `advance` tells it."""

    @property
    def machines(self) -> Mapping[str, Rented]:
        """By node: the ledger, from the first machine on."""
        return self.state.machines

    def living(self) -> list[Rented]:
        return list(self._up.values())

    def spent_usd(self, now: datetime) -> float:
        return round(sum(machine.cost_usd(now) for machine in self.machines.values()), 6)

    # What goes by itself.

    def next_at(self, now: datetime) -> datetime | None:
        """When something will happen unless somebody calls before: `advance` then. None: never."""
        if self._pending:
            return now
        played = self._seconds(self.state.advanced_to) if self.state.advanced_to else -1.0
        coming = bisect_right(self._moments, played)
        ahead = [self._moment(self._moments[coming])] if coming < len(self._moments) else []
        for machine in self.living():
            if not machine.booted:
                ahead.append(machine.boots_at)
            ahead += [at for at in (machine.notice_at, machine.reclaim_at) if at is not None]
        return min(ahead, default=None)

    def advance(self, now: datetime) -> list[Happening]:
        """All that has happened by itself until now, each thing told once. What ends, ends now."""
        told, self._pending = self._pending, []
        played = self._seconds(self.state.advanced_to) if self.state.advanced_to else -1.0
        for moment in self._moments[bisect_right(self._moments, played) :]:
            if self._moment(moment) > now:
                break
            told += self._play(moment, now)
        self.state.advanced_to = max(now, self.state.advanced_to or now)
        for machine in sorted(self.living(), key=lambda one: one.boots_at):
            told += self._advance(machine, now)
        return told

    def _advance(self, machine: Rented, now: datetime) -> Iterator[Happening]:
        if not machine.booted and machine.boots_at <= now:
            machine = self._note(machine.but(booted=True))
            yield Booted(node=machine.node)
        if machine.reclaim_at is not None and machine.reclaim_at <= now:
            yield self._end(machine, now, RECLAIMED)
        elif machine.reclaim_at is not None and machine.notice_at is not None and machine.notice_at <= now:
            self._note(machine.but(notice_at=None, noticed=True))
            yield ReclaimNoticed(node=machine.node, at=machine.reclaim_at)

    def _play(self, moment: float, now: datetime) -> Iterator[Happening]:
        """What the script says for this moment."""
        for outage in self.script.outages:
            if outage.at == moment:
                yield from self._down(outage.where, self._lasts(outage), now)
        for reclaim in self.script.reclaims:
            if reclaim.at == moment:
                there = self._there(reclaim)
                some = self._some(there, len(there) if reclaim.nodes is None else reclaim.nodes, f"{moment}")
                self._doom(some, now, self._notice(reclaim))
        for capacity in self.script.capacity:
            if capacity.spot is not False and capacity.changes_at(moment):
                self._shrink(capacity, moment, now)

    def _shrink(self, capacity: Capacity, moment: float, now: datetime) -> None:
        """Take the surplus of spot machines away."""
        limit = capacity.at(moment)
        if limit is None:
            return
        notice_s = self.script.notice
        gone_by = now + timedelta(seconds=notice_s)
        there = [one for one in self._there(capacity) if one.reclaim_at is None or one.reclaim_at > gone_by]
        surplus = len(there) - limit
        spot = [machine for machine in there if machine.place.spot]
        if surplus > 0:
            self._doom(self._some(spot, surplus, f"{moment}"), now, notice_s)

    # What is asked for. Each of these may raise CallFailed.

    def offers(self) -> tuple[OwnOffer, ...]:
        """Everything that is sold here. How much there is of it, nobody says."""
        in_use: dict[Place, int] = {}
        for machine in self.living():
            in_use[machine.place] = in_use.get(machine.place, 0) + 1
        return tuple(
            OwnOffer(place=place, max_nodes=None, in_use=in_use.get(place, 0)) for place in self._places
        )

    def survey(self, now: datetime) -> tuple[Found, ...]:
        """Every machine of which something is there: as it was `list_lag` ago."""
        self._call(now)
        then = now - timedelta(seconds=self.script.faults.list_lag)
        return tuple(
            Found(
                node=one.node,
                name=one.name,
                alive=one.ended_at is None or one.ended_at > then,
                ended_at=one.ended_at if one.ended_at is not None and one.ended_at <= then else None,
                reclaim_at=one.reclaim_at if one.noticed else None,
            )
            for one in self.machines.values()
            if one.launched_at <= then and (one.removed_at is None or one.removed_at > then)
        )

    def launch(self, order: LaunchOrder, token: str, now: datetime) -> Outcome:
        """The whole gang, once under its token. `answered` is drawn anew each time."""
        self._call(now)
        outcome = self.state.outcomes.get(token)
        if outcome is None:
            outcome = self.state.outcomes[token] = self._launch(order, now)
        asked = self.state.asked[token] = self.state.asked.get(token, 0) + 1
        lost = self._chance("answer", token, asked).random() < self.script.faults.lost_answers
        return outcome.but(answered=not lost)

    def look(self, node: str, now: datetime) -> tuple[InstanceState, datetime | None]:
        """Of one machine, the truth without lag; when it ended, if it ever was."""
        self._call(now)
        machine = self.machines.get(node)
        if machine is None:
            return InstanceState.GONE, None
        return InstanceState.ALIVE if machine.up else InstanceState.GONE, machine.ended_at

    def terminate(self, node: str, now: datetime) -> datetime:
        """End a machine and remove what is left of it; returns when it ended, now for one that never was."""
        self._call(now)
        machine = self.machines.get(node)
        if machine is None:
            return now
        if machine.removed_at is not None and machine.ended_at is not None:
            return machine.ended_at
        failed = self.state.unwilling.get(node, 0)
        limit = self.script.faults.failed_terminates
        if limit is None or failed < limit:
            self.state.unwilling[node] = failed + 1
            raise CallFailed(f"{machine.name} was not terminated: the cloud has an internal error")
        ended_at = machine.ended_at or now
        self._note(machine.but(ended_at=ended_at, removed_at=now, why=machine.why or TERMINATED))
        return ended_at

    # What is done by hand. `advance` tells what comes of it.

    def reclaim(self, node: str, now: datetime, notice_s: float | None = None) -> Rented:
        """Take a machine away, after a notice (None: as the script says). Raises Unknown."""
        machine = self.machines.get(node)
        if machine is None or not machine.up:
            living = [one.node for one in self.living()]
            raise Unknown(f"{node} is not running here{': ' + nearest(node, living) if living else ''}")
        self._doom([machine], now, self.script.notice if notice_s is None else notice_s)
        return self.machines[node]

    def fail(self, where: str, now: datetime, until: datetime | None) -> list[Rented]:
        """A zone or region ("": all) goes down; returns what ended with it. Raises Unknown."""
        self.require_known(where)
        ended = list(self._down(where, until, now))
        self._pending += ended
        return [self.machines[one.node] for one in ended]

    def lose(self, node: str, now: datetime, why: str) -> datetime | None:
        """A machine broke: somebody saw it; returns when it ended. None: it was not running."""
        machine = self._up.get(node)
        return self._end(machine, now, why).at if machine is not None else None

    def heal(self, now: datetime, where: str | None = None) -> list[str]:
        """What is down is up again, all of it or one thing. Returns what that was. Raises Unknown."""
        if where is not None:
            self.require_known(where)
        healed = [down for down in self.down_at(now) if where in {None, down.where}]
        self.state.downs = [down.but(until=now) if down in healed else down for down in self.state.downs]
        return sorted({down.where for down in healed})

    def down_at(self, now: datetime) -> list[Down]:
        return [down for down in self.state.downs if down.at(now)]

    def require_known(self, where: str) -> None:
        """Raises Unknown: it is no zone or region here, and not ""."""
        known = [*self.script.regions, *self.script.zones]
        if where and where not in known:
            raise Unknown(f"{where!r} is no zone or region of {self.infra}: {nearest(where, known)}")

    # How.

    def _launch(self, order: LaunchOrder, now: datetime) -> Outcome:
        granted = grant(
            self.script,
            place=order.place,
            count=len(order.nodes),
            seconds=self._seconds(now),
            living=[machine.place for machine in self.living()],
            down=[down.where for down in self.down_at(now)],
            refused=self.state.tried,
        )
        if granted.refused_by:
            self.state.tried[granted.refused_by] = self.state.tried.get(granted.refused_by, 0) + 1
        nodes = order.nodes[: granted.count]
        for node in nodes:
            self._rent(node, order.place, now)
        return Outcome(nodes=nodes, failure=granted.failure)

    def _rent(self, node: str, place: Place, now: datetime) -> None:
        number = len(self.machines) + 1
        boot = self.script.boot
        takes_s = boot.takes + self._chance("boot", node).random() * boot.spread
        machine = Rented(
            node=node,
            name=f"i-{number:06d}",
            number=number,
            place=place,
            launched_at=now,
            boots_at=now + timedelta(seconds=takes_s),
        )
        self._note(machine)
        for ordinal, reclaim in enumerate(self.script.reclaims):
            if reclaim.rate and reclaim.covers(place):
                lives_h = self._chance("life", node, ordinal).expovariate(reclaim.rate)
                notice_s = self._notice(reclaim)
                lives_s = min(max(lives_h * 3_600, notice_s), 10 * 365 * 86_400)
                self._doom([machine], now + timedelta(seconds=lives_s - notice_s), notice_s)

    def _doom(self, machines: Iterable[Rented], told_at: datetime, notice_s: float) -> None:
        """These are to be taken away after a notice, unless they are to go before that."""
        reclaim_at = told_at + timedelta(seconds=notice_s)
        for one in machines:
            machine = self.machines[one.node]
            if machine.reclaim_at is None or reclaim_at < machine.reclaim_at:
                self._note(machine.but(reclaim_at=reclaim_at, notice_at=told_at if notice_s else None))

    def _down(self, where: str, until: datetime | None, now: datetime) -> Iterator[Ended]:
        self.state.downs.append(Down(where=where, since=now, until=until))
        for machine in self.living():
            if where in {"", machine.place.region, machine.place.zone}:
                yield self._end(machine, now, f"{where or self.infra} went down")

    def _end(self, machine: Rented, now: datetime, why: str) -> Ended:
        self._note(machine.but(ended_at=now, why=why))
        return Ended(node=machine.node, at=now)

    def _note(self, machine: Rented) -> Rented:
        self.state.machines[machine.node] = machine
        if machine.up:
            self._up[machine.node] = machine
        else:
            self._up.pop(machine.node, None)
        return machine

    def _there(self, where: Capacity | Reclaim) -> list[Rented]:
        return [machine for machine in self.living() if where.covers(machine.place)]

    def _some(self, machines: list[Rented], count: int, what: str) -> list[Rented]:
        return self._chance("reclaim", what).sample(machines, min(count, len(machines)))

    def _notice(self, reclaim: Reclaim) -> float:
        return self.script.notice if reclaim.notice is None else reclaim.notice

    def _call(self, now: datetime) -> None:
        throttle = self.script.faults.throttle
        if throttle is None:
            return
        since = now - timedelta(seconds=throttle.every)
        self.state.calls = [call for call in self.state.calls if call > since]
        if len(self.state.calls) >= throttle.calls:
            raise CallFailed(f"{self.infra} takes {throttle.calls} calls in {throttle.every:g} s at most")
        self.state.calls.append(now)

    def _chance(self, *about: object) -> Random:
        return Random("/".join(map(str, (self._seed, self.infra, *about))))

    def _lasts(self, outage: Outage) -> datetime | None:
        return None if outage.lasts is None else self._moment(outage.at + outage.lasts)

    def _seconds(self, now: datetime) -> float:
        return (now - self.state.began_at).total_seconds()

    def _moment(self, seconds: float) -> datetime:
        return self.state.began_at + timedelta(seconds=seconds)


def _moments(script: CloudScript) -> list[float]:
    """When the script itself does something, in order."""
    moments = {outage.at for outage in script.outages}
    moments |= {reclaim.at for reclaim in script.reclaims if reclaim.at is not None}
    moments |= {step.at for one in script.capacity if one.spot is not False for step in one.steps}
    return sorted(moments)
