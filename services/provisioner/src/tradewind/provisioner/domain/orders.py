"""The intents by which the provisioner acts on an infra."""

from tradewind.common.reactor.decision import Ctx, Intent, derived_id
from tradewind.provisioner.contracts import LaunchOrder, LookOrder, SurveyOrder, TerminateOrder
from tradewind.provisioner.domain.model import Cluster, Infra, Node, Try

SURVEY = "survey"
LAUNCH = "launch"
LOOK = "look"
TERMINATE = "terminate"


def survey(infra: Infra, ctx: Ctx) -> Intent:
    """Begins a survey; one that is under way is asked for again, in case its hand broke."""
    intent = infra.surveying or ctx.new_id(SURVEY, infra.id)
    return Intent(intent, SURVEY, infra.id, SurveyOrder(infra=infra.id))


def launch(cluster: Cluster, tried: Try) -> Intent:
    order = LaunchOrder(
        cluster=cluster.id,
        claim=cluster.claim,
        workspace=cluster.workspace,
        place=tried.place,
        nodes=tried.nodes,
    )
    return Intent(tried.intent, LAUNCH, cluster.id, order)


def look(node: Node, ctx: Ctx) -> Intent:
    """As for a survey: one under way is asked for again."""
    intent = node.looking or ctx.new_id(LOOK, node.id)
    order = LookOrder(infra=node.place.infra, node=node.id, instance=node.instance)
    return Intent(intent, LOOK, node.id, order)


def terminate(infra: str, node: str, instance: str) -> Intent:
    """A machine ends once, so this is always the same wish: asking again, or from two sides, adds nothing."""
    order = TerminateOrder(infra=infra, node=node, instance=instance)
    return Intent(derived_id(TERMINATE, infra, node), TERMINATE, node, order)
