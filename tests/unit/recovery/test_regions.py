"""Where a job runs again after it has lost its nodes: across the services, from the loss to the process."""

from tests.unit.recovery.plane import START, Plane, offer
from tradewind.common.contracts.job import JobPhase, JobSummary, OnLoss, RankPhase, RoleSummary, SubmitJob
from tradewind.common.contracts.values import Recovery, Shape


def submit(
    plane: Plane, name: str = "j", *, on_loss: OnLoss = OnLoss.GANG, start: bool = True, **asked: object
) -> None:
    role = RoleSummary(name="main", count=2, shape=Shape(cpus=2), on_loss=on_loss)
    summary = JobSummary(name=name, roles=(role,)).but(**asked)
    plane.say(
        SubmitJob(
            id=name, workspace="w", number=1, user="u", summary=summary, spec_ref="s", submitted_at=START
        )
    )
    plane.settle()
    if start:
        run_on(plane)


def run_on(plane: Plane) -> None:
    """What is asked for comes, and everybody does what he can."""
    for _ in range(4):
        plane.settle()
        plane.launch()
        plane.tidy()
    plane.settle()


def running(plane: Plane) -> list[str]:
    assert plane.job().phase is JobPhase.RUNNING
    assert all(rank.phase is RankPhase.RUNNING for rank in plane.job().ranks)
    return plane.regions()


def lose(plane: Plane, rank: int = 0) -> None:
    plane.take_away(plane.job().ranks[rank].node)
    run_on(plane)


def test_eager_next_region_truly_leaves_the_region_that_it_lost_though_it_is_the_cheapest() -> None:
    plane = Plane()
    submit(plane)
    assert running(plane) == ["east", "east"]
    lose(plane)
    assert (plane.job().attempt, running(plane)) == (2, ["west", "west"])


def test_a_later_loss_elsewhere_makes_the_first_region_good_again() -> None:
    plane = Plane()
    submit(plane)
    lose(plane)
    lose(plane)
    assert (plane.job().attempt, running(plane)) == (3, ["east", "east"])


def test_failover_stays_in_the_region_that_it_had_whatever_it_costs() -> None:
    plane = Plane()
    submit(plane, start=False, recovery=Recovery.FAILOVER)
    plane.launch(choice=1)
    run_on(plane)
    assert running(plane) == ["west", "west"], "the first place was full, as it were"
    lose(plane)
    assert (plane.job().attempt, running(plane)) == (2, ["west", "west"])


def test_if_there_is_no_other_region_it_runs_where_it_was() -> None:
    plane = Plane(offer("east", 1.0))
    submit(plane)
    lose(plane)
    assert (plane.job().attempt, running(plane)) == (2, ["east", "east"])


def test_a_notice_moves_the_gang_before_its_machine_dies() -> None:
    plane = Plane()
    submit(plane)
    leaving = plane.machines[plane.job().ranks[1].node]
    plane.notice(leaving.level.id)
    run_on(plane)
    assert (plane.job().attempt, running(plane)) == (2, ["west", "west"])
    assert not leaving.up, "it was vacated, and given back before its time"
    assert plane.job().restarts == 0


def test_one_rank_is_replaced_in_another_region_and_the_other_runs_on() -> None:
    plane = Plane()
    submit(plane, on_loss=OnLoss.RANK)
    stays = plane.job().ranks[1].node
    lose(plane)
    assert running(plane) == ["west", "east"]
    assert plane.job().attempt == 1
    assert [rank.incarnation for rank in plane.job().ranks] == [1, 0]
    assert plane.job().ranks[1].node == stays
    assert len(plane.machines) == 3, "one node came for it"


def test_one_rank_is_replaced_under_notice() -> None:
    plane = Plane()
    submit(plane, on_loss=OnLoss.RANK)
    plane.notice(plane.job().ranks[0].node)
    run_on(plane)
    assert running(plane) == ["west", "east"]
    assert (plane.job().attempt, plane.job().ranks[0].incarnation) == (1, 1)


def test_a_job_that_is_free_to_go_anywhere_uses_what_the_other_leaves() -> None:
    """The node of the east that lives on serves others, though its first job avoids that region."""
    plane = Plane()
    submit(plane)
    lose(plane)
    assert running(plane) == ["west", "west"]
    spare = [one.level.id for one in plane.machines.values() if one.up and one.level.place.region == "east"]
    single = RoleSummary(name="main", count=1, shape=Shape(cpus=4))
    submit(plane, "other", roles=(single,))
    assert [rank.node for rank in plane.job("other").ranks] == spare
