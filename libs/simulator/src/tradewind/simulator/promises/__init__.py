"""The promises, each a plain function that tells how it was broken, or nothing. Its docstring is the promise.

They are judged by what the world has seen: messages in streams, committed rows, processes on machines, the
ledger of the scripted infra. Most are judged on what a step touched; those of the end, when faults have ended
and all should be at rest.
"""

from collections.abc import Callable

from tradewind.simulator.machine import Machine, Process
from tradewind.simulator.memory_store import Committed
from tradewind.simulator.promises.of_books import (
    one_cluster_a_generation,
    outboxes_go_out_in_order,
    seats_fit_their_nodes,
    the_read_model_is_what_owners_have,
)
from tradewind.simulator.promises.of_cancels import (
    a_cancel_is_heeded,
    nothing_of_a_cancelled_job_begins,
)
from tradewind.simulator.promises.of_capacity import (
    a_claim_asks_for_somebody,
    a_cluster_that_is_down_keeps_nobody,
    no_launch_under_way_is_ended,
    nobody_goes_where_a_refusal_spoke_for,
    only_one_gang_of_a_race_stays,
)
from tradewind.simulator.promises.of_commits import (
    a_commit_builds_on_what_is_there,
    an_ended_row_stays_ended,
    every_living_row_wakes,
    no_commit_under_a_stale_lease,
    nobody_believes_an_older_level,
    nothing_is_parked,
    what_is_noted_as_sent_was_sent,
)
from tradewind.simulator.promises.of_losses import (
    a_reclaimed_rank_is_told_in_time,
    a_reclaimed_rank_saves_first,
    another_region_comes_next,
    no_attempt_is_given_up_for_nothing,
    who_fails_over_may_go_back,
)
from tradewind.simulator.promises.of_messages import (
    no_retry_beyond_what_is_allowed,
    one_version_is_one_level,
    over_means_over,
    terminal_is_terminal,
    versions_never_go_down,
)
from tradewind.simulator.promises.of_processes import (
    a_gang_starts_together,
    a_rank_is_replaced_where_its_role_allows_it,
    no_machine_is_oversold,
    nobody_is_ended_with_its_node,
    one_life_of_a_rank,
)
from tradewind.simulator.promises.of_purpose import (
    no_node_without_a_purpose,
)
from tradewind.simulator.promises.of_the_end import (
    jobs_end_as_they_ran,
    money_is_the_infras_own,
    no_job_is_lost,
    nothing_is_left,
    nothing_was_set_aside,
    success_was_earned,
    what_the_bus_lost_is_said_again,
    what_was_committed_was_said,
)
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen, Told

AFTER_A_MESSAGE: tuple[Callable[[Seen, Told], Broken], ...] = (
    terminal_is_terminal,
    versions_never_go_down,
    one_version_is_one_level,
    over_means_over,
    a_cancel_is_heeded,
    no_retry_beyond_what_is_allowed,
    another_region_comes_next,
    who_fails_over_may_go_back,
    outboxes_go_out_in_order,
    one_cluster_a_generation,
)
AFTER_A_COMMIT: tuple[Callable[[Seen, Committed], Broken], ...] = (
    no_commit_under_a_stale_lease,
    a_commit_builds_on_what_is_there,
    an_ended_row_stays_ended,
    nobody_believes_an_older_level,
    every_living_row_wakes,
    nothing_is_parked,
    what_is_noted_as_sent_was_sent,
    a_claim_asks_for_somebody,
    a_cluster_that_is_down_keeps_nobody,
    nobody_goes_where_a_refusal_spoke_for,
)
ONCE_COMMITTED: tuple[Callable[[Seen, Committed], Broken], ...] = (seats_fit_their_nodes,)
AFTER_A_PROCESS: tuple[Callable[[Seen, Machine, Process], Broken], ...] = (
    one_life_of_a_rank,
    a_gang_starts_together,
    a_rank_is_replaced_where_its_role_allows_it,
    no_machine_is_oversold,
    nothing_of_a_cancelled_job_begins,
)
BEFORE_A_STOP: tuple[Callable[[Seen, Machine, Process], Broken], ...] = (a_reclaimed_rank_saves_first,)
BEFORE_A_TERMINATION: tuple[Callable[[Seen, Machine], Broken], ...] = (
    nobody_is_ended_with_its_node,
    no_launch_under_way_is_ended,
)
BEFORE_A_LOSS: tuple[Callable[[Seen, Machine], Broken], ...] = (a_reclaimed_rank_is_told_in_time,)
EVERY_MINUTE: tuple[Callable[[Seen], Broken], ...] = (
    no_node_without_a_purpose,
    only_one_gang_of_a_race_stays,
)
AT_THE_END: tuple[Callable[[Seen], Broken], ...] = (
    no_job_is_lost,
    jobs_end_as_they_ran,
    success_was_earned,
    what_was_committed_was_said,
    what_the_bus_lost_is_said_again,
    nothing_was_set_aside,
    nothing_is_left,
    money_is_the_infras_own,
    no_attempt_is_given_up_for_nothing,
    the_read_model_is_what_owners_have,
)
