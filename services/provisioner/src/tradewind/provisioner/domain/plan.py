"""What follows from several rows at once: nodes for new machines, gangs that are whole, what a survey finds
amiss, and whether silence is theirs or ours.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from tradewind.common.contracts.node import ClusterPhase, NodePhase
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import Ctx, Decision
from tradewind.provisioner.domain import node as nodes
from tradewind.provisioner.domain.herd import is_herd
from tradewind.provisioner.domain.infra import ask_in_bulk, look_at
from tradewind.provisioner.domain.model import Cluster, Infra, Node, Try
from tradewind.provisioner.domain.survey import compare, strays
from tradewind.provisioner.domain.walk import keep

FORGOTTEN = timedelta(minutes=10)


class Census:
    """The planner: an index of living nodes, of clusters with machines to come or to enter, and of infras."""

    def __init__(self, rows: Iterable[Aggregate]) -> None:
        self._infras: dict[str, Infra] = {}
        self._nodes: dict[str, Node] = {}
        self._launching: dict[str, Cluster] = {}
        """Those with a launch under way."""
        self._arrived: dict[str, Cluster] = {}
        self._booting: dict[str, Cluster] = {}
        """Those with a gang that boots."""
        self._spoken: set[str] = set()
        """Clusters of which a gang may have become whole since the last plan."""
        self._silent: dict[str, Node] = {}
        """Nodes that have just been found silent, and are not judged yet."""
        self._ended: dict[str, datetime] = {}
        """When the nodes ended that a lagging list may still show."""
        self._changed: set[str] = set()
        """Infras whose nodes came or went since they were last told to look."""
        self.observe(rows)
        self._changed.clear()  # a new leader surveys all of them anyway

    def observe(self, changed: Iterable[Aggregate]) -> None:
        for row in changed:
            match row:
                case Node():
                    self._note_node(row)
                case Cluster():
                    self._note_cluster(row)
                case Infra():
                    self._infras[row.id] = row
                case _:
                    raise TypeError(f"the provisioner has no rows of kind {row.kind}")

    def plan(self, ctx: Ctx) -> Sequence[Decision[Infra] | Decision[Cluster] | Decision[Node]]:
        return [
            *self._enter(ctx),
            *self._keep_whole_gangs(ctx),
            *self._judge_silence(ctx),
            *self._review(ctx),
        ]

    def _note_node(self, node: Node) -> None:
        if node.terminal == (node.id in self._nodes):
            self._changed.add(node.place.infra)
        if node.phase is NodePhase.BOOTING and node.boot:
            self._spoken.add(node.cluster)
        self._silent.pop(node.id, None)
        if node.silent and not node.terminal:
            self._silent[node.id] = node
        if node.terminal:
            self._nodes.pop(node.id, None)
            if node.ended_at is not None:
                self._ended[node.id] = node.ended_at
        else:
            self._nodes[node.id] = node

    def _note_cluster(self, cluster: Cluster) -> None:
        boots = cluster.phase is ClusterPhase.LAUNCHING and any(one.came for one in cluster.tries)
        _list(self._launching, cluster, when=bool(cluster.under_way))
        _list(self._arrived, cluster, when=bool(cluster.arrived))
        _list(self._booting, cluster, when=boots)
        if boots:
            self._spoken.add(cluster.id)

    def _enter(self, ctx: Ctx) -> Iterator[Decision[Cluster] | Decision[Node]]:
        """A row for each machine that came, also of a gang that is given up: it is there, and costs."""
        for cluster in list(self._arrived.values()):
            for arrival in cluster.arrived:
                if arrival.instance.node not in self._nodes:
                    entered = nodes.enter(arrival, cluster, ctx)
                    self._note(entered)
                    yield entered
            done = Decision(cluster.evolve(arrived=()))
            self._note(done)
            yield done

    def _keep_whole_gangs(self, ctx: Ctx) -> Iterator[Decision[Cluster] | Decision[Node]]:
        """The first gang of which every agent has spoken is kept. Only then are its nodes ready: nothing is
        placed on one that may still be given back.
        """
        spoken, self._spoken = self._spoken, set()
        for cluster in [self._booting[id] for id in sorted(spoken) if id in self._booting]:
            whole = next((one for one in cluster.tries if self._is_whole(one)), None)
            if whole is not None:
                ready = [nodes.be_ready(self._nodes[node].evolve(), ctx) for node in whole.nodes]
                for decided in (*ready, keep(cluster, whole, ctx)):
                    self._note(decided)
                    yield decided

    def _is_whole(self, tried: Try) -> bool:
        gang = [self._nodes[node] for node in tried.nodes if node in self._nodes]
        spoken = [node for node in gang if node.phase is NodePhase.BOOTING and node.boot]
        return tried.came and len(spoken) == len(tried.nodes)

    def _coming(self) -> set[str]:
        launches = (one for cluster in self._launching.values() for one in cluster.under_way)
        return {node for one in launches for node in one.nodes}

    def _judge_silence(self, ctx: Ctx) -> Iterator[Decision[Infra] | Decision[Node]]:
        """One that is silent is suspected. A herd is held, and asked for in bulk."""
        if not self._silent:
            return
        silent = list(self._silent.values())
        herd = is_herd(self._nodes.values(), ctx.now)
        for node in silent:
            judged = nodes.hold(node, ctx) if herd else nodes.suspect(node, ctx)
            self._note(judged)
            yield judged
        for name in sorted({node.place.infra for node in silent} if herd else ()):
            asked = ask_in_bulk(self._infras[name], ctx) if name in self._infras else Decision[Infra]()
            self._note(asked)
            yield asked

    def _review(self, ctx: Ctx) -> Iterator[Decision[Infra] | Decision[Node]]:
        if any(infra.survey is not None for infra in self._infras.values()):
            self._ended = {node: at for node, at in self._ended.items() if ctx.now - at < FORGOTTEN}
        for infra in list(self._infras.values()):
            reviewed: Decision[Infra] = Decision()
            if infra.survey is not None:
                known = [node for node in self._nodes.values() if node.place.infra == infra.id]
                ends = strays(
                    infra.id, infra.survey, known=self._nodes, coming=self._coming(), ended=self._ended
                )
                reviewed = Decision(infra.evolve(survey=None), do=ends)
                for compared in list(compare(known, infra.survey, ctx)):
                    self._note(compared)
                    yield compared
            if infra.id in self._changed:
                self._changed.discard(infra.id)
                reviewed = _look_soon(reviewed.state or infra, reviewed, ctx)
            if reviewed.state is not None:
                self._note(reviewed)
                yield reviewed

    def _note(self, decision: Decision[Infra] | Decision[Cluster] | Decision[Node]) -> None:
        if decision.state is not None:
            self.observe((decision.state,))


def _list(listed: dict[str, Cluster], cluster: Cluster, *, when: bool) -> None:
    if when:
        listed[cluster.id] = cluster
    else:
        listed.pop(cluster.id, None)


def _look_soon(infra: Infra, reviewed: Decision[Infra], ctx: Ctx) -> Decision[Infra]:
    """Only what has offers of its own yields more or less by our nodes coming and going."""
    if not infra.offers:
        return reviewed
    if infra.surveying:
        return Decision(infra.evolve(outdated=True), do=reviewed.do)
    looking = look_at(infra.evolve(), ctx)
    return Decision(looking.state, looking.publish, (*reviewed.do, *looking.do))
