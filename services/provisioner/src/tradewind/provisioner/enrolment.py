"""Lets nodes into the bus, and shuts them out: a user of their own each, and the consumer of their wants."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from nats.js import JetStreamContext

from tradewind.common.bus.failures import unavailable
from tradewind.common.bus.node_users import NodeUsers, user_name
from tradewind.common.bus.streams import wants_of
from tradewind.common.bus.topology import apply_durable, remove_durable
from tradewind.common.contracts.node_file import NodeCredentials
from tradewind.provisioner.infra.driver import Admission


@dataclass(frozen=True, slots=True)
class Enrolment:
    """`nats_url` is where nodes find the bus; user and password in it are ours, and not passed on."""

    users: NodeUsers
    js: JetStreamContext
    nats_url: str

    async def admit(self, nodes: Iterable[str]) -> dict[str, Admission]:
        """The same again for those that are in already. Raises Unavailable."""
        wanted = tuple(nodes)
        # Consumers first: while the server takes over a change of users, it answers no such request.
        with unavailable("the consumers of nodes"):
            await asyncio.gather(*(apply_durable(self.js, wants_of(node)) for node in wanted))
        passwords = await asyncio.to_thread(self.users.add_all, wanted)
        at = urlsplit(self.nats_url)
        address = at._replace(netloc=at.netloc.rpartition("@")[2]).geturl()
        return {
            node: Admission(address, NodeCredentials(user=user_name(node), password=password))
            for node, password in passwords.items()
        }

    async def dismiss(self, node: str) -> None:
        """Nothing happens to one that is not in. Raises Unavailable."""
        with unavailable("the consumers of nodes"):
            await remove_durable(self.js, wants_of(node))
        await asyncio.to_thread(self.users.remove, node)
