"""The net holds: some planted bugs, each caught within a few seeds. `bench.mutants` looks for all of them."""

import pytest

from bench.mutants import agents, jobs, provisioning, reactor, scheduling
from bench.mutants.everyone import MUTANTS
from bench.mutants.hunt import hunt
from bench.mutants.mutant import Mutant, Plant

QUICK: tuple[Plant, ...] = (
    reactor.no_version_check_by_readers,
    reactor.ack_before_commit,
    reactor.relay_out_of_order,
    reactor.relay_skips_a_row,
    reactor.no_relay_at_takeover,
    reactor.no_alarm_rings,
    jobs.next_attempt_before_the_last_has_ended,
    jobs.reports_without_a_fence,
    jobs.go_before_all_are_prepared,
    jobs.a_cancel_comes_too_late,
    scheduling.a_cancel_forgets_the_claim,
    scheduling.suspicion_counts_as_gone,
    provisioning.a_lost_node_is_counted_twice,
    provisioning.a_node_ends_without_being_vacated,
    provisioning.refusals_speak_for_one_place,
    agents.stopped_is_said_too_early,
)
"""Those that are caught soon."""

MUTANT_OF = {mutant.plant: mutant for mutant in MUTANTS}
SEEDS = range(1, 41)


def no_bug(patch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong."""


@pytest.mark.parametrize("plant", QUICK, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_caught(plant: Plant) -> None:
    catch = hunt(MUTANT_OF[plant], SEEDS)
    assert catch.promise, f"{plant.__name__} survived {catch.seeds} seeds"
    print(f"{plant.__name__}: caught by {catch.promise} after {catch.seeds} seeds: {catch.how}")


def test_what_is_sound_is_not_caught() -> None:
    catch = hunt(Mutant(no_bug), range(1, 6))
    assert (catch.promise, catch.seeds) == ("", 5)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_finds_what_it_breaks_and_says_what_bug_it_is(mutant: Mutant) -> None:
    with pytest.MonkeyPatch.context() as patch:
        mutant.plant(patch)
    assert mutant.bug.endswith((".", ".)"))


def test_mutants_are_told_apart() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 20
