"""The local stack as a process: `python -m tradewind.local [--processes]`, on the home of TRADEWIND_HOME."""

import argparse
import asyncio
import signal
import sys

import uvloop

from tradewind.common.runtime.collector import tune_collector
from tradewind.common.runtime.host import configure_logging
from tradewind.local.home import Home, HomeRefused
from tradewind.local.nats_server import NoNats
from tradewind.local.postgres_files import NoPostgres
from tradewind.local.server import ServerFailed
from tradewind.local.stack import Stack


async def _run(home: Home, *, processes: bool) -> None:
    ended = asyncio.Event()
    stack = Stack(home, processes=processes)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, stack.announce_again)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    running = asyncio.create_task(stack.run())
    stopping = asyncio.create_task(ended.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    else:
        running.result()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tradewind.local", description=__doc__)
    parser.add_argument("--processes", action="store_true", help="run each service in a process of its own")
    chosen = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it may come before there is anything to announce
    configure_logging()
    tune_collector()
    home = Home.chosen()
    try:
        with home.locked():
            uvloop.run(_run(home, processes=chosen.processes))
    except (HomeRefused, NoNats, NoPostgres, ServerFailed) as refused:
        print(refused, file=sys.stderr)
        return 2
    except ExceptionGroup as failed:
        print("; ".join(str(one) for one in failed.exceptions), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
