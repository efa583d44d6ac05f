"""What the provisioner relies on of every driver (provisioner/infra/driver.py), whatever is behind it."""

from datetime import timedelta

import pytest

from tests.infra.infras import AT_MOST, Infra, until
from tradewind.common.contracts.values import FailureKind
from tradewind.provisioner.contracts import InstanceState
from tradewind.provisioner.infra.driver import LaunchRefused


def test_a_gang_has_a_machine_a_node_each_with_an_address(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        instances = await infra.up("a", "b")
        assert [one.node for one in instances] == ["a", "b"]
        assert len({one.address for one in instances} - {""}) == 2
        assert len({one.name for one in instances}) == 2

    infra.run(story)


def test_the_same_token_gives_the_same_machines(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        first = await infra.up("a", "b")
        assert await infra.launch("a", "b") == first
        await infra.stop_watching()
        infra.restart()
        infra.watch()
        assert await infra.launch("a", "b") == first
        view = await infra.driver.survey()
        assert sorted(one.node for one in view.found) == ["a", "b"]

    infra.run(story)


def test_a_refusal_is_typed_and_says_what_came_all_the_same(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        nodes = [f"n{number}" for number in range(AT_MOST + 1)]
        with pytest.raises(LaunchRefused) as refused:
            await infra.launch(*nodes)
        assert refused.value.failure.kind is FailureKind.CAPACITY
        assert refused.value.failure.message
        came = {one.node for one in refused.value.instances}
        there = {one.node for one in (await infra.driver.survey()).found if one.alive}
        assert there == came

    infra.run(story)


def test_room_comes_back_when_a_machine_is_terminated(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        nodes = [f"n{number}" for number in range(AT_MOST)]
        instances = await infra.launch(*nodes)
        with pytest.raises(LaunchRefused):
            await infra.launch("x", token="other")
        await infra.driver.terminate(nodes[0], instances[0].name)
        assert await infra.launch("y", token="third")

    infra.run(story)


def test_a_survey_is_complete(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        instances = await infra.up("a", "b")
        view = await infra.driver.survey()
        assert view.enabled
        assert {(one.node, one.name, one.alive) for one in view.found} == {
            (one.node, one.name, True) for one in instances
        }
        await infra.driver.terminate("a", instances[0].name)
        assert [one.node for one in (await infra.driver.survey()).found] == ["b"]

    infra.run(story)


def test_what_runs_is_alive(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        (instance,) = await infra.up("a")
        assert (await infra.driver.look("a", instance.name)).state is InstanceState.ALIVE

    infra.run(story)


def test_what_is_said_to_be_gone_runs_no_more(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        instances = await infra.up("a", "b")
        await infra.stop_watching()  # nobody but `look` finds it out
        infra.break_machine("a")

        async def gone() -> bool:
            sight = await infra.driver.look("a", instances[0].name)
            if sight.state is InstanceState.GONE:
                assert not infra.runs("a")
                assert sight.ended_at is not None
                assert sight.ended_at >= instances[0].launched_at
                return True
            return False

        await until(gone)
        assert (await infra.driver.look("b", instances[1].name)).state is InstanceState.ALIVE

    infra.run(story)


def test_a_termination_ends_all_and_a_second_one_says_the_same(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        (instance,) = await infra.up("a")
        ended_at = await infra.driver.terminate("a", instance.name)
        assert not infra.runs("a")
        assert ended_at >= instance.launched_at
        again = await infra.driver.terminate("a", instance.name)
        assert timedelta(0) <= again - ended_at < timedelta(minutes=1)
        assert (await infra.driver.look("a", instance.name)).state is InstanceState.GONE

    infra.run(story)


def test_what_never_was_is_gone_and_can_be_terminated(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        assert (await infra.driver.look("x", "x")).state is InstanceState.GONE
        await infra.driver.terminate("x", "x")
        assert (await infra.driver.survey()).found == ()

    infra.run(story)


def test_a_termination_of_what_has_ended_removes_what_is_left(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        (instance,) = await infra.up("a")
        infra.break_machine("a")
        await until(lambda: "a" in infra.ends)
        ended_at = await infra.driver.terminate("a", instance.name)
        assert ended_at == infra.ends["a"].at
        assert (await infra.driver.survey()).found == ()

    infra.run(story)


def test_the_watch_tells_of_an_end_when_nothing_runs_any_more(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        instances = await infra.up("a", "b")
        infra.break_machine("a")
        await until(lambda: bool(infra.ends))
        assert not infra.runs("a")
        assert infra.runs("b")
        (end,) = infra.ends.values()
        assert (end.node, end.instance) == ("a", "a" if instances[0].name == "a" else instances[0].name)
        assert end.at >= instances[0].launched_at
        found = [one for one in (await infra.driver.survey()).found if one.alive]
        assert [one.node for one in found] == ["b"]

    infra.run(story)


def test_an_end_that_nobody_watched_is_told_later(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        await infra.up("a", "b")
        await infra.stop_watching()
        infra.break_machine("a")
        infra.restart()
        infra.watch()
        await until(lambda: bool(infra.ends))
        assert list(infra.ends) == ["a"]
        assert not infra.runs("a")

    infra.run(story)


def test_a_termination_is_no_end_by_itself(infra: Infra) -> None:
    async def story(infra: Infra) -> None:
        instances = await infra.up("a", "b")
        await infra.driver.terminate("a", instances[0].name)
        infra.break_machine("b")
        await until(lambda: bool(infra.ends))
        assert list(infra.ends) == ["b"]

    infra.run(story)
