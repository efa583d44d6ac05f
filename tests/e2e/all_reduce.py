"""A sum over all ranks of a gang, over TCP between their nodes' addresses: what a rendezvous needs, and no
more.
"""

import os
import socket
import time

PORT = 29_500
RANK = int(os.environ["SKYPILOT_NODE_RANK"])
ADDRESSES = os.environ["SKYPILOT_NODE_IPS"].split()
VALUE = RANK + 1


def reduce_as_root() -> int:
    with socket.create_server((ADDRESSES[0], PORT)) as server:
        others = [server.accept()[0] for _ in ADDRESSES[1:]]
        total = VALUE + sum(int(other.recv(64)) for other in others)
        for other in others:
            other.sendall(str(total).encode())
            other.close()
    return total


def reduce_as_leaf() -> int:
    deadline = time.monotonic() + 30
    while True:
        try:
            source = (ADDRESSES[RANK], 0)
            with socket.create_connection((ADDRESSES[0], PORT), timeout=30, source_address=source) as root:
                root.sendall(str(VALUE).encode())
                return int(root.recv(64))
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


total = reduce_as_root() if RANK == 0 else reduce_as_leaf()
print(f"rank {RANK} of {len(ADDRESSES)}: sum {total}", flush=True)
