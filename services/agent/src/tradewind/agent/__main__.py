"""`python -m tradewind.agent NODE_FOLDER` (or the folder in TRADEWIND_NODE_DIR)."""

import asyncio
import gc
import logging
import os
import sys
from pathlib import Path

from tradewind.agent.node_folder import BadNodeFolder, NodeFolder
from tradewind.agent.parent import end_with_supervisor
from tradewind.agent.run import run
from tradewind.common.reactor.ports import Unavailable


def main() -> int:
    end_with_supervisor()
    where = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TRADEWIND_NODE_DIR")
    if not where:
        print("give the node's folder, or set TRADEWIND_NODE_DIR", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    gc.freeze()  # what was imported stays for good
    folder = NodeFolder(Path(where).absolute())
    try:
        held = folder.own()
        asyncio.run(run(folder))
    except BadNodeFolder as why:
        print(f"tradewind agent: {why}", file=sys.stderr)
        return 2
    except Unavailable as why:
        print(f"tradewind agent: {why}", file=sys.stderr)
        return 1
    os.close(held)
    return 0


if __name__ == "__main__":
    sys.exit(main())
