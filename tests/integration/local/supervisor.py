"""A supervisor to be killed: starts both servers of a home, says so in one line of JSON, and waits.

supervisor.py HOME [orphaning]      orphaning: its servers outlive it, as where there is no death signal
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from tradewind.local.home import Home
from tradewind.local.nats_server import EmbeddedNats
from tradewind.local.postgres import EmbeddedPostgres
from tradewind.local.settings import Settings


async def main(folder: Path, *, orphaning: bool) -> None:
    if orphaning:
        EmbeddedPostgres.stop_steps = EmbeddedNats.stop_steps = ((signal.SIGCONT, 0.1),)
    home = Home(folder)
    with home.locked():
        settings = Settings(home)
        postgres, nats = EmbeddedPostgres(home, settings), EmbeddedNats(home, settings)
        await asyncio.gather(postgres.start(), nats.start())
        print(json.dumps({"postgres": postgres.pid, "nats": nats.pid}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), orphaning=sys.argv[2:] == ["orphaning"]))
