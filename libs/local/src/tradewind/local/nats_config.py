"""The bus server's configuration: accounts, users and what each may do.

| account | who | may |
|---|---|---|
| SVC | `admin` | everything: it makes streams and consumers (the topology command) |
| SVC | `operator` | what a person asks for: re-drive dead letters, remove old events; change no stream |
| SVC | one user a service | all but what `denied` lists: change streams, speak for others |
| NODES | one user a node | see `tradewind.common.bus.node_users` |
| EXT | `reader` | subscribe to `evt.>`; publish nothing, not even a request |
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewind.common.bus.node_users import NODES_IMPORTS
from tradewind.local.child_process import LOG_LIMIT
from tradewind.local.ports import LOOPBACK

ADMIN = "admin"
OPERATOR = "operator"
READER = "reader"
SERVICES = ("gateway", "jobs_controller", "scheduler", "optimizer", "provisioner", "serve_controller")
WANTS_OWNER = "jobs_controller"

# Eight times the default, and what the server's documentation gives as the most that is wise: an array's
# submit command and a blob's chunk fit with room to spare. Streams hold nodes to less by their own
# max_msg_size, since a message above *this* limit ends the connection.
MAX_PAYLOAD = 8 * 2**20

_STREAM_CHANGES = (
    "$JS.API.STREAM.CREATE.>",
    "$JS.API.STREAM.UPDATE.>",
    "$JS.API.STREAM.DELETE.>",
    "$JS.API.STREAM.RESTORE.>",
)
_MESSAGE_REMOVALS = ("$JS.API.STREAM.PURGE.>", "$JS.API.STREAM.MSG.DELETE.>")


@dataclass(frozen=True, slots=True)
class NatsFiles:
    """Where the server's files lie."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "nats.conf"

    @property
    def node_users(self) -> Path:
        return self.folder / "nodes.conf"

    @property
    def store(self) -> Path:
        return self.folder / "store"


def denied(service: str, *, event_nouns: Mapping[str, Iterable[str]]) -> list[str]:
    """What a service may not publish. `event_nouns` has the nouns of each owner's events."""
    foreign = sorted({noun for owner, nouns in event_nouns.items() if owner != service for noun in nouns})
    return [
        *(f"evt.*.{noun}.>" for noun in foreign),
        "said.*.*",  # a node's; a hand's have four tokens
        *(f"said.hand.{other}.>" for other in SERVICES if other != service),
        "log.>",
        *([] if service == WANTS_OWNER else ["want.>"]),
        *_STREAM_CHANGES,
        *_MESSAGE_REMOVALS,
    ]


def render(
    *,
    name: str,
    port: int,
    files: NatsFiles,
    log: Path,
    passwords: Mapping[str, str],
    event_nouns: Mapping[str, Iterable[str]],
) -> str:
    """The text of `nats.conf`. `passwords` has those of ADMIN, OPERATOR, READER and SERVICES.

    The server itself keeps its log small, since a node that tries what it may not can make it write for ever.
    """
    service_users = [
        {
            "user": service,
            "password": passwords[service],
            "permissions": {"publish": {"deny": denied(service, event_nouns=event_nouns)}},
        }
        for service in SERVICES
    ]
    operator = {
        "user": OPERATOR,
        "password": passwords[OPERATOR],
        "permissions": {"publish": {"deny": _STREAM_CHANGES}},
    }
    exports = [
        {"service": subject, "response_type": answers, "accounts": ["NODES"]}
        for subject, answers in NODES_IMPORTS.items()
    ]
    imports = [{"service": {"account": "SVC", "subject": subject}} for subject in NODES_IMPORTS]
    # The server's default sync interval (two minutes) stays: an fsync a message would cost 2 to 7 times the
    # latency, and the outbox sends again what a power cut took.
    return f"""\
server_name: {_quoted(name)}
listen: {_quoted(f"{LOOPBACK}:{port}")}
max_payload: {MAX_PAYLOAD}
log_file: {_quoted(str(log))}
logfile_size_limit: {LOG_LIMIT}
logfile_max_num: 2
jetstream {{
  store_dir: {_quoted(str(files.store))}
}}
accounts {{
  SVC {{
    jetstream: enabled
    users: {_quoted([{"user": ADMIN, "password": passwords[ADMIN]}, operator, *service_users])}
    exports: {_quoted([*exports, {"stream": "evt.>", "accounts": ["EXT"]}])}
  }}
  NODES {{
    imports: {_quoted(imports)}
    include {_quoted(files.node_users.name)}
  }}
  EXT {{
    imports: [{{stream: {{account: SVC, subject: "evt.>"}}}}]
    users: [{{
      user: {READER}, password: {_quoted(passwords[READER])}
      permissions: {{publish: {{deny: ">"}}, subscribe: {{allow: "evt.>"}}}}
    }}]
  }}
}}
"""


def _quoted(value: object) -> str:
    """JSON is part of the configuration language."""
    return json.dumps(value, ensure_ascii=False)
