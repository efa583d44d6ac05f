"""The scripted cloud, behaviour by behaviour: everything that a script may say, seen from outside."""

import pytest

from tests.unit.provisioner.mock.scripted import NOW, after, cloud, order, place
from tradewind.common.contracts.values import FailureKind, Scope
from tradewind.provisioner.contracts import InstanceState
from tradewind.provisioner.infra.mock.cloud import CallFailed, MockCloud, Unknown
from tradewind.provisioner.infra.mock.state import Booted, CloudState, Ended, Happening, ReclaimNoticed


def play(mock: MockCloud, until: float) -> list[tuple[float, Happening]]:
    """Everything that happens by itself, and when."""
    told: list[tuple[float, Happening]] = []
    while (at := mock.next_at(NOW)) is not None and at <= after(until):
        told += [((at - NOW).total_seconds(), one) for one in mock.advance(at)]
    mock.advance(after(until))
    return told


def launch(mock: MockCloud, *nodes: str, zone: str = "us-a", spot: bool = False, at: float = 0):
    return mock.launch(order(place(mock, zone, spot=spot), *nodes), f"token {nodes} {at}", after(at))


def living(mock: MockCloud) -> set[str]:
    return {machine.node for machine in mock.living()}


def test_a_launch_boots_after_the_delay_and_its_spread():
    mock = cloud()
    launch(mock, "a")
    assert play(mock, 60) == [(10, Booted(node="a"))]
    spread = cloud("").script.model_copy(
        update={"boot": cloud().script.boot.model_copy(update={"spread": 5.0})}
    )
    mock = MockCloud("mock", spread, seed=1, state=CloudState(began_at=NOW))
    launch(mock, *"abcdef")
    moments = [at for at, _ in play(mock, 60)]
    assert all(10 <= at <= 15 for at in moments)
    assert len(set(moments)) == 6


def test_the_same_token_is_the_same_launch():
    mock = cloud()
    first = launch(mock, "a", "b")
    again = launch(mock, "a", "b")
    assert again == first
    assert first.nodes == ("a", "b")
    assert len(mock.machines) == 2


def test_an_answer_may_be_lost_though_the_launch_took_effect_and_the_next_try_finds_it():
    mock = cloud("faults: {lost_answers: 50%}", seed=3)
    answers = []
    for number in range(40):
        wanted = order(place(mock), f"n{number}")
        tries = 1
        while not mock.launch(wanted, f"token {number}", NOW).answered:
            tries += 1
        answers.append(tries)
    assert len(mock.machines) == 40
    assert 10 <= sum(tries > 1 for tries in answers) <= 30


@pytest.mark.parametrize(
    ("more", "at", "kind", "scope"),
    [
        ("capacity: [{zone: us-a, type: small, steps: [{at: 0s, nodes: 1}]}]", 0, "capacity", "offer"),
        ("capacity: [{zone: us-a, steps: [{at: 0s, nodes: 0}]}]", 0, "capacity", "zone"),
        ("capacity: [{region: us, steps: [{at: 0s, nodes: 0}]}]", 0, "capacity", "region"),
        ("capacity: [{steps: [{at: 0s, nodes: 0}]}]", 0, "capacity", "infra"),
        ("capacity: [{steps: [{at: 5m, nodes: 0}]}]", 300, "capacity", "infra"),
        ("quotas: [{region: us, nodes: 1}]", 0, "quota", "region"),
        ("quotas: [{region: us, vcpus: 3}]", 0, "quota", "region"),
        ("refusals: [{kind: auth, region: us}]", 0, "auth", "infra"),
        ("refusals: [{kind: invalid, type: small}]", 0, "invalid", "offer"),
        ("refusals: [{kind: quota, zone: us-a, says: region}]", 0, "quota", "region"),
        ("refusals: [{kind: capacity, zone: us-a, at: 1m, for: 1m}]", 60, "capacity", "zone"),
    ],
)
def test_a_refusal_says_why_and_how_far(more: str, at: float, kind: str, scope: str):
    mock = cloud(more)
    mock.advance(after(at))
    outcome = launch(mock, "a", "b", at=at)
    assert outcome.nodes == ()
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.scope) == (FailureKind(kind), Scope(scope))
    assert not mock.machines


@pytest.mark.parametrize(
    ("more", "at"),
    [
        ("capacity: [{zone: us-b, steps: [{at: 0s, nodes: 0}]}]", 0),
        ("capacity: [{spot: true, steps: [{at: 0s, nodes: 0}]}]", 0),
        ("capacity: [{steps: [{at: 1s, nodes: 0}, {at: 1m, nodes: unlimited}]}]", 60),
        ("capacity: [{steps: [{at: 1m, nodes: 0}]}]", 59),
        ("quotas: [{region: us, nodes: 2, vcpus: 4}]", 0),
        ("refusals: [{kind: capacity, zone: us-a, at: 1m, for: 1m}]", 0),
        ("refusals: [{kind: capacity, zone: us-a, at: 1m, for: 1m}]", 120),
    ],
)
def test_what_speaks_of_another_place_or_time_refuses_nothing(more: str, at: float):
    mock = cloud(more)
    mock.advance(after(at))
    assert launch(mock, "a", "b", at=at).failure is None


def test_only_the_first_launches_at_a_place_are_refused():
    mock = cloud("refusals: [{kind: capacity, region: us, first: 2}]")
    refused = [launch(mock, f"n{at}", at=at).failure is not None for at in range(4)]
    assert refused == [True, True, False, False]
    assert launch(mock, "other", zone="us-b").failure is not None


def test_a_partial_gang_comes_with_its_refusal():
    capacity = "capacity: [{zone: us-a, steps: [{at: 0s, nodes: 2}]}]"
    assert launch(cloud(capacity), "a", "b", "c").nodes == ()
    outcome = launch(cloud(capacity + "\npartial_gangs: true"), "a", "b", "c")
    assert outcome.nodes == ("a", "b")
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.CAPACITY


def test_room_comes_back_when_a_machine_ends():
    mock = cloud("capacity: [{zone: us-a, steps: [{at: 0s, nodes: 1}]}]")
    assert launch(mock, "a").failure is None
    assert launch(mock, "b").failure is not None
    mock.terminate("a", after(1))
    assert launch(mock, "c", at=2).failure is None


def test_a_place_that_is_not_sold_is_invalid():
    mock = cloud()
    dearer = place(mock).but(price_usd_h=9.0)
    failure = mock.launch(order(dearer), "t", NOW).failure
    assert failure is not None
    assert failure.kind is FailureKind.INVALID


def test_a_list_lags():
    mock = cloud("faults: {list_lag: 5s}")
    launch(mock, "a")
    assert mock.survey(after(4)) == ()
    assert [one.alive for one in mock.survey(after(5))] == [True]
    mock.terminate("a", after(10))
    assert [one.alive for one in mock.survey(after(14))] == [True]
    assert mock.survey(after(15)) == ()
    assert mock.look("a", after(11)) == (InstanceState.GONE, after(10))


def test_more_calls_than_allowed_are_turned_away():
    mock = cloud("faults: {throttle: {calls: 2, every: 10s}}")
    mock.survey(NOW)
    mock.look("a", after(1))
    with pytest.raises(CallFailed, match="mock takes 2 calls in 10 s at most"):
        launch(mock, "a", at=2)
    assert not mock.machines
    assert launch(mock, "a", at=10).failure is None


def test_a_termination_fails_so_often():
    mock = cloud("faults: {failed_terminates: 2}")
    launch(mock, "a")
    for _ in range(2):
        with pytest.raises(CallFailed):
            mock.terminate("a", after(60))
    assert living(mock) == {"a"}
    assert mock.terminate("a", after(61)) == after(61)
    assert mock.terminate("a", after(99)) == after(61)


def test_what_never_was_is_terminated_already():
    assert cloud().terminate("x", after(1)) == after(1)
    assert cloud().look("x", after(1)) == (InstanceState.GONE, None)


@pytest.mark.parametrize(
    ("notice", "told"),
    [
        ("", [(300.0, Ended(node="s", at=after(300)))]),
        (
            "\nnotice: 30s",
            [(300.0, ReclaimNoticed(node="s", at=after(330))), (330.0, Ended(node="s", at=after(330)))],
        ),
    ],
)
def test_spot_machines_are_taken_away_at_given_times(notice: str, told: list[tuple[float, Happening]]):
    mock = cloud("reclaims: [{at: 5m, zone: us-a}]" + notice)
    launch(mock, "s", spot=True)
    launch(mock, "d")
    launch(mock, "b", zone="us-b", spot=True)
    assert [one for one in play(mock, 600) if not isinstance(one[1], Booted)] == told
    assert living(mock) == {"d", "b"}
    assert mock.machines["s"].why == "reclaimed"


def test_a_survey_repeats_a_notice_that_nobody_may_have_heard():
    mock = cloud("reclaims: [{at: 5m}]\nnotice: 30s")
    launch(mock, "s", spot=True)
    play(mock, 299)
    assert [one.reclaim_at for one in mock.survey(after(299))] == [None]
    play(mock, 301)
    assert [one.reclaim_at for one in mock.survey(after(301))] == [after(330)]


def test_so_many_are_taken_away_and_which_follows_from_the_seed():
    ended = set()
    for seed in range(6):
        mock = cloud("reclaims: [{at: 1m, nodes: 2}]", seed=seed)
        launch(mock, *"abcdef", spot=True)
        play(mock, 61)
        gone = frozenset("abcdef") - living(mock)
        assert len(gone) == 2
        ended.add(gone)
    assert len(ended) > 1


def test_each_spot_machine_lives_as_long_as_the_rate_says():
    mock = cloud("reclaims: [{rate: 2/h, notice: 30s}]", seed=1)
    nodes = [f"n{number}" for number in range(400)]
    launch(mock, *nodes, spot=True)
    launch(mock, "d")
    told = play(mock, 7 * 24 * 3600)
    lives = [at for at, one in told if isinstance(one, Ended)]
    notices = {one.node: one.at for _, one in told if isinstance(one, ReclaimNoticed)}
    assert len(lives) == 400
    assert 1500 < sum(lives) / 400 < 2100
    assert {node: mock.machines[node].ended_at for node in nodes} == notices
    assert living(mock) == {"d"}


@pytest.mark.parametrize("seed", range(5))
def test_falling_capacity_takes_spot_machines_away_and_no_others(seed: int):
    more = "capacity: [{zone: us-a, steps: [{at: 0s, nodes: 6}, {at: 1m, nodes: 3}]}]\nnotice: 10s"
    mock = cloud(more, seed=seed)
    launch(mock, *"abc", spot=True)
    launch(mock, *"de")
    told = [one for _, one in play(mock, 120)]
    assert sum(isinstance(one, ReclaimNoticed) for one in told) == 2
    assert sum(isinstance(one, Ended) for one in told) == 2
    assert {"d", "e"} < living(mock)
    assert len(living(mock)) == 3


def test_what_goes_already_counts_when_capacity_falls_again():
    steps = "[{at: 0s, nodes: 6}, {at: 1m, nodes: 3}, {at: 65s, nodes: 2}]"
    mock = cloud(f"capacity: [{{zone: us-a, steps: {steps}}}]\nnotice: 30s", seed=2)
    launch(mock, *"abcdef", spot=True)
    play(mock, 200)
    assert len(living(mock)) == 2


def test_a_quota_of_vcpus_counts_what_runs():
    mock = cloud("quotas: [{region: us, vcpus: 5}]")
    assert launch(mock, "a", "b").failure is None
    refused = launch(mock, "c").failure
    assert refused is not None
    assert refused.kind is FailureKind.QUOTA
    assert launch(mock, "e", zone="eu-a").failure is None


def test_a_machine_that_was_taken_away_ended_then_whenever_its_rest_is_removed():
    mock = cloud()
    launch(mock, "a")
    mock.reclaim("a", after(20), 0)
    mock.advance(after(20))
    assert [one.ended_at for one in mock.survey(after(25))] == [after(20)]
    assert mock.terminate("a", after(30)) == after(20)
    assert mock.survey(after(31)) == ()
    assert (mock.machines["a"].ended_at, mock.machines["a"].why) == (after(20), "reclaimed")


@pytest.mark.parametrize(
    ("outage", "left", "scope"),
    [
        ("{zone: us-a, at: 1m, for: 1m}", {"b", "e"}, Scope.ZONE),
        ("{region: us, at: 1m, for: 1m}", {"e"}, Scope.REGION),
        ("{at: 1m, for: 1m}", set[str](), Scope.INFRA),
    ],
)
def test_an_outage_ends_what_runs_there_and_refuses_until_it_is_over(
    outage: str, left: set[str], scope: Scope
):
    mock = cloud(f"outages: [{outage}]")
    for node, zone in (("a", "us-a"), ("b", "us-b"), ("e", "eu-a")):
        launch(mock, node, zone=zone)
    told = [one for at, one in play(mock, 119) if at == 60]
    assert {one.node for one in told if isinstance(one, Ended)} == {"a", "b", "e"} - left
    assert living(mock) == left
    failure = launch(mock, "x", at=119).failure
    assert failure is not None
    assert (failure.kind, failure.scope) == (FailureKind.CAPACITY, scope)
    mock.advance(after(120))
    assert launch(mock, "y", at=120).failure is None


def test_by_hand_a_machine_is_taken_away():
    mock = cloud("notice: 1m")
    launch(mock, "a", "b", "c")
    mock.advance(after(20))
    assert mock.reclaim("a", after(20)).reclaim_at == after(80)
    mock.reclaim("b", after(20), 0)
    assert mock.next_at(after(20)) == after(20)
    assert mock.advance(after(20)) == [ReclaimNoticed(node="a", at=after(80)), Ended(node="b", at=after(20))]
    mock.reclaim("a", after(30), 5)  # sooner than it was told
    assert [one for _, one in play(mock, 100)] == [
        ReclaimNoticed(node="a", at=after(35)),
        Ended(node="a", at=after(35)),
    ]
    with pytest.raises(Unknown, match="b is not running here: write `c`"):
        mock.reclaim("b", after(99))


def test_by_hand_a_zone_fails_and_is_healed():
    mock = cloud()
    launch(mock, "a")
    assert [one.node for one in mock.fail("us-a", after(5), None)] == ["a"]
    assert mock.advance(after(5)) == [Ended(node="a", at=after(5))]
    assert launch(mock, "b", at=6).failure is not None
    mock.fail("eu", after(7), after(17))
    assert mock.heal(after(8), "us-a") == ["us-a"]
    assert launch(mock, "c", at=9).failure is None
    assert [down.where for down in mock.down_at(after(16))] == ["eu"]
    assert mock.down_at(after(17)) == []
    with pytest.raises(Unknown, match="'us-c' is no zone or region of mock: did you mean `us-"):
        mock.fail("us-c", after(9), None)


def test_the_ledger_bills_from_launch_to_end_whoever_ended_it():
    mock = cloud("reclaims: [{at: 50m}]")
    launch(mock, "d")  # 0.36 USD an hour
    launch(mock, "s", spot=True)  # 0.036
    mock.advance(after(3000))
    mock.terminate("d", after(3600))
    assert {node: one.cost_usd(after(9999)) for node, one in mock.machines.items()} == {"d": 0.36, "s": 0.03}
    assert mock.spent_usd(after(9999)) == 0.39
    assert mock.machines["d"].why == "terminated"


def test_offers_count_what_is_in_use_and_promise_nothing():
    mock = cloud()
    launch(mock, "a", "b")
    offers = {str(one.place): one for one in mock.offers()}
    assert len(offers) == 9
    assert offers["mock/us/us-a small"].in_use == 2
    assert all(one.max_nodes is None for one in offers.values())


def test_a_cloud_that_was_written_down_goes_on_alike():
    more = "reclaims: [{rate: 4/h}, {at: 10m, nodes: 1}]\nnotice: 30s\noutages: [{zone: us-b, at: 5m}]"
    one, two = cloud(more, seed=5), cloud(more, seed=5)
    for mock in (one, two):
        launch(mock, *"abcd", spot=True)
        launch(mock, "e", zone="us-b")
        play(mock, 400)
    again = CloudState.model_validate_json(two.state.model_dump_json())
    two = MockCloud("mock", two.script, seed=5, state=again)
    assert play(one, 9999) == play(two, 9999)
    assert one.machines == two.machines
