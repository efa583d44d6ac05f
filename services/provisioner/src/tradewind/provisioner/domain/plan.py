"""What follows from several rows at once: nodes for new machines, and what a survey finds amiss."""

from collections.abc import Iterable, Iterator, Sequence

from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import Ctx, Decision
from tradewind.provisioner.domain import node as nodes
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.infra import look_at
from tradewind.provisioner.domain.model import Cluster, Infra, Node, Survey
from tradewind.provisioner.domain.node_end import lose


class Census:
    """The planner: an index of living nodes, of clusters with machines to come or to enter, and of infras."""

    def __init__(self, rows: Iterable[Aggregate]) -> None:
        self._infras: dict[str, Infra] = {}
        self._nodes: dict[str, Node] = {}
        self._launching: dict[str, tuple[str, ...]] = {}
        """By cluster, the nodes of its launch under way."""
        self._arrived: dict[str, Cluster] = {}
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
        return [*self._enter(ctx), *self._review(ctx)]

    def _note_node(self, node: Node) -> None:
        if node.terminal == (node.id in self._nodes):
            self._changed.add(node.place.infra)
        if node.terminal:
            self._nodes.pop(node.id, None)
        else:
            self._nodes[node.id] = node

    def _note_cluster(self, cluster: Cluster) -> None:
        self._launching.pop(cluster.id, None)
        self._arrived.pop(cluster.id, None)
        if cluster.launch is not None:
            self._launching[cluster.id] = cluster.launch.nodes
        if cluster.arrived:
            self._arrived[cluster.id] = cluster

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

    def _review(self, ctx: Ctx) -> Iterator[Decision[Infra] | Decision[Node]]:
        for infra in list(self._infras.values()):
            reviewed: Decision[Infra] = Decision()
            if infra.survey is not None:
                reviewed = self._sweep(infra, infra.survey)
                for missed in self._missing(infra.id, infra.survey, ctx):
                    self._note(missed)
                    yield missed
            if infra.id in self._changed:
                self._changed.discard(infra.id)
                reviewed = _look_soon(reviewed.state or infra, reviewed, ctx)
            if reviewed.state is not None:
                self._note(reviewed)
                yield reviewed

    def _missing(self, infra: str, survey: Survey, ctx: Ctx) -> list[Decision[Node]]:
        """What is dead is lost; what is not there at all is looked for, since a survey may miss a thing.

        A node younger than the survey may have come behind its back.
        """
        seen = {found.node: found for found in survey.found}
        known = [
            node
            for node in self._nodes.values()
            if node.place.infra == infra and node.known_since < survey.taken_at
        ]
        dead = [(node, seen[node.id]) for node in known if node.id in seen and not seen[node.id].alive]
        unseen = [node for node in known if survey.complete and node.id not in seen]
        return [
            *(lose(node, one.ended_at or survey.taken_at, "its infra found it dead") for node, one in dead),
            *(nodes.look_for(node.evolve(), ctx) for node in unseen),
        ]

    def _sweep(self, infra: Infra, survey: Survey) -> Decision[Infra]:
        """Machines that belong to no node, and to no launch under way, are ended."""
        coming = {node for nodes in self._launching.values() for node in nodes}
        orphans = [
            found for found in survey.found if found.node not in self._nodes and found.node not in coming
        ]
        ends = tuple(orders.terminate(infra.id, found.node, found.name) for found in orphans)
        return Decision(infra.evolve(survey=None), do=ends)

    def _note(self, decision: Decision[Infra] | Decision[Cluster] | Decision[Node]) -> None:
        if decision.state is not None:
            self.observe((decision.state,))


def _look_soon(infra: Infra, reviewed: Decision[Infra], ctx: Ctx) -> Decision[Infra]:
    """Only what has offers of its own yields more or less by our nodes coming and going."""
    if not infra.offers:
        return reviewed
    if infra.surveying:
        return Decision(infra.evolve(outdated=True), do=reviewed.do)
    looking = look_at(infra.evolve(), ctx)
    return Decision(looking.state, looking.publish, (*reviewed.do, *looking.do))
