"""What lies in a node's folder when its agent starts: written by the provisioner, read by the agent.

    <folder>/node.json         NodeFile: what the agent must know
    <folder>/credentials.json  NodeCredentials, mode 0600: how the bus lets it in

`python -m tradewind.agent.machine FOLDER`, with TRADEWIND_NODE_ID in its environment, keeps an agent running
there; its end is the node's. What it starts inherits that variable, and by it all of a node's processes are
found when the node ends. SIGTERM to the agent ends it and the machine for good: the node is empty then, and
is being taken down.
"""

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.values import Room

NODE_FILE = "node.json"
CREDENTIALS_FILE = "credentials.json"
NODE_ID_VARIABLE = "TRADEWIND_NODE_ID"


class NodeFile(Value):
    """What an agent must know of its node."""

    node: str
    workspace: str
    nats_url: str
    """Without user and password."""
    address: str
    """Where its ranks find each other."""
    room: Room | None = None
    """What the node shall say that it has; None: what the agent measures."""
    infra: str = "local"
    """Whose machine it is."""


class NodeCredentials(Value):
    """The bus user of one node. Inbox prefix and consumer follow from the node's id (`bus.node_users`)."""

    user: str
    password: str
