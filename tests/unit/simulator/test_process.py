"""A killed process does nothing more, whatever its tasks were about to do."""

import asyncio

from tradewind.simulator.process import Killed, Process, task_factory
from tradewind.simulator.virtual_time import VirtualLoop, run


def test_children_die_with_their_process_and_others_live() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        loop.set_task_factory(task_factory)
        done: list[str] = []
        ended: list[str] = []

        async def work(name: str) -> None:
            async def child() -> None:
                await asyncio.sleep(5)
                done.append(f"{name}'s child")

            asyncio.get_running_loop().create_task(child())
            await asyncio.sleep(5)
            done.append(name)

        doomed = Process("doomed", on_end=lambda process, error: ended.append(process.name))
        doomed.start(work("doomed"))
        other = Process("other", on_end=lambda process, error: ended.append(process.name))
        other.start(work("other"))
        await asyncio.sleep(1)
        doomed.kill()
        await doomed.gone()
        await asyncio.sleep(10)
        return [*done, *ended]

    assert sorted(run(main)) == ["other", "other", "other's child"]


def test_its_last_words_are_not_heard() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        loop.set_task_factory(task_factory)
        heard: list[str] = []

        async def work(process: Process) -> None:
            try:
                await asyncio.sleep(5)
            finally:
                await process.breathe()
                heard.append("last words")

        doomed = Process("doomed", on_end=lambda process, error: None)
        doomed.start(work(doomed))
        await asyncio.sleep(1)
        doomed.kill()
        await doomed.gone()
        return heard

    assert run(main) == []


def test_a_frozen_process_goes_on_where_it_stood() -> None:
    async def main(loop: VirtualLoop) -> float:
        process = Process("frozen", on_end=lambda process, error: None)
        process.frozen_until = 30.0
        await process.breathe()
        return loop.time()

    assert run(main) == 30.0


def test_killed_is_caught_by_no_handler_of_errors() -> None:
    assert not issubclass(Killed, Exception)
