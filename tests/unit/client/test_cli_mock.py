"""`tw mock` against a scripted gateway: what is sent, and what is shown."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.unit.client.scripted_gateway import ROOM, Answer, ScriptedGateway, problem
from tradewind.client.cli import tw

SOON = (datetime.now(UTC) + timedelta(minutes=5, seconds=-1)).isoformat()
PLACE = {
    "infra": "mock", "region": "us", "zone": "us-a", "instance_type": "small", "room": ROOM, "spot": True,
    "price_usd_h": 0.036, "on_demand_usd_h": 0.36,
}  # fmt: skip


def run(*words: str) -> Result:
    return CliRunner().invoke(tw, ["mock", *words], catch_exceptions=False)


def report(*did: str, reclaim_at: str | None = None, down: str = "", until: str | None = None) -> Answer:
    machine = {
        "node": "n-1", "name": "i-000001", "place": PLACE, "launched_at": "2026-01-01T00:00:00+00:00",
        "booted": True, "reclaim_at": reclaim_at, "cost_usd": 0.0123,
    }  # fmt: skip
    outages = [{"where": down, "since": "2026-01-01T00:00:00+00:00", "until": until}] if down else []
    cloud: dict[str, Any] = {
        "infra": "mock", "began_at": "2026-01-01T00:00:00+00:00", "machines": [machine], "outages": outages,
        "limits": [{"what": "us-a spot", "nodes": 4, "in_use": 1}], "machines_ever": 3, "spent_usd": 1.5,
    }  # fmt: skip
    return Answer(200, {"clouds": [cloud], "did": list(did)})


def test_status(gateway: ScriptedGateway):
    gateway.route("GET", "/v1/mock", report(down="us-b"))
    shown = run("status")
    assert shown.exit_code == 0
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines[1].startswith("n-1 i-000001 mock/us/us-a small spot")
    assert lines[1].endswith("$0.0123 up")
    assert "mock us-a spot 1 4" in lines
    assert "mock: 3 machines so far, $1.50 spent" in lines
    assert "mock: us-b is down until it is healed" in lines
    assert json.loads(run("status", "-o", "json").stdout)["clouds"][0]["machines"][0]["node"] == "n-1"


@pytest.mark.parametrize(
    ("words", "path", "sent", "answer", "said"),
    [
        (
            ("reclaim", "n"),
            "reclaim",
            {"node": "n", "notice_s": None},
            report("n-1"),
            "node n-1 is taken away now",
        ),
        (
            ("reclaim", "n", "--notice", "1m30s"),
            "reclaim",
            {"node": "n", "notice_s": 90},
            report("n-1", reclaim_at=SOON),
            "node n-1 is taken away at ",
        ),
        (
            ("fail", "us-a", "--for", "5m"),
            "fail",
            {"where": "us-a", "lasts_s": 300},
            report("n-1", down="us-a", until=SOON),
            r"us-a is down for (4m \d+s|5m): 1 node lost",
        ),
        (
            ("fail", "us"),
            "fail",
            {"where": "us", "lasts_s": None},
            report("a", "b", down="us"),
            "us is down until it is healed: 2 nodes lost",
        ),
        (("heal",), "heal", {"where": None}, report("us-a"), "us-a is up again"),
        (("heal", "us-a"), "heal", {"where": "us-a"}, report(), "Nothing was down."),
    ],
)
def test_by_hand(
    gateway: ScriptedGateway, words: tuple[str, ...], path: str, sent: Any, answer: Answer, said: str
):
    gateway.route("POST", f"/v1/mock/{path}", answer)
    done = run(*words)
    assert (done.exit_code, done.stderr) == (0, "")
    assert re.match(said, done.stdout)
    [request] = gateway.seen("POST", f"/v1/mock/{path}")
    assert request.json == sent


def test_what_is_refused(gateway: ScriptedGateway):
    gateway.route("GET", "/v1/mock", problem(409, "no scripted cloud is on"))
    gateway.route("POST", "/v1/mock/fail", problem(404, "'x' is no zone"))
    assert (run("status").exit_code, run("status").stderr) == (1, "tw: no scripted cloud is on\n")
    assert (run("fail", "x").exit_code, run("fail", "x").stderr) == (102, "tw: 'x' is no zone\n")
    assert "is not a time: write it as 90s, 5m" in run("fail", "x", "--for", "ever").stderr
    assert run("fail", "x", "--for", "ever").exit_code == 2


def test_an_outage_takes_some_time(gateway: ScriptedGateway):
    refused = run("fail", "us-a", "--for", "0s")
    assert refused.exit_code == 2
    assert "0 is no time at all: write more, as in 5m" in refused.stderr
    assert not gateway.seen("POST", "/v1/mock/fail")
