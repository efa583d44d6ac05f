"""Which allocations wait in one line."""

from tradewind.common.contracts.values import Demand, Replacement, Shape
from tradewind.scheduler.domain import allocation


class WiderDemand(Demand):
    """As a later version may have it."""

    patience_s: float | None = None


SHAPES = (Shape(cpus=2.0),)


def test_a_demand_that_could_ask_for_more_and_does_not_is_of_the_same_class() -> None:
    """Else those that were stored before an update would not share the line of those that came after it."""
    before = allocation._class_of(Demand(shapes=SHAPES), "default")
    assert allocation._class_of(WiderDemand(shapes=SHAPES), "default") == before
    assert allocation._class_of(WiderDemand(shapes=SHAPES, patience_s=5.0), "default") != before


def test_whom_it_is_for_makes_no_class() -> None:
    for_one = Demand(shapes=SHAPES, replacements=(Replacement(rank=3, incarnation=1),))
    assert allocation._class_of(for_one, "default") == allocation._class_of(Demand(shapes=SHAPES), "default")


def test_another_shape_or_workspace_is_another_class() -> None:
    classes = {
        allocation._class_of(Demand(shapes=SHAPES), "default"),
        allocation._class_of(Demand(shapes=SHAPES), "other"),
        allocation._class_of(Demand(shapes=(Shape(cpus=3.0),)), "default"),
        allocation._class_of(Demand(shapes=SHAPES, cluster="dev"), "default"),
    }
    assert len(classes) == 4
