"""Events in words, for people who follow a job or the whole. Pure."""

from datetime import datetime

from tradewind.client.cli import words
from tradewind.client.records import Event, Json


def told(event: Event) -> str:
    """What an event means to who waits for a job; empty if it tells such a one nothing."""
    level = event.level
    why = str(level.get("reason") or level.get("why") or "")
    match event.name:
        case "job.queued" if level.get("attempt", 1) > 1:
            return f"queued again, attempt {level['attempt']}"
        case "allocation.waiting":
            return f"waits: {why}" if why else ""
        case "placement.infeasible":
            return f"waits: {why or 'nothing that is enabled can run it'}"
        case "cluster.provisioning":
            return f"launching {level.get('count', 1)} × {_place(level.get('place'))}"
        case "node.failed":
            return f"a node did not come up{_because(why)}"
        case "node.lost":
            return f"node {event.subject[:8]} was lost{_because(why)}"
        case "node.reclaim_noticed":
            at = datetime.fromisoformat(level["reclaim_at"]) if level.get("reclaim_at") else None
            when = f" at {words.clock(at, digits=0)}" if at else ""
            return f"node {event.subject[:8]} will be reclaimed{when}"
        case "job.starting":
            return "starting"
        case "job.replacing":
            return f"starting again what was lost, alone{_because(why)}"
        case "job.running":
            return f"running, attempt {level['attempt']}" if level.get("attempt", 1) > 1 else "running"
        case "job.recovering":
            return f"recovering{_because(why)}"
        case "job.cancelling":
            return f"cancelling{_because(why)}"
        case _:
            return ""


def summary(event: Event) -> str:
    """The state that an event carries, in a few words."""
    level = event.level
    parts = [_name(event, level), str(level.get("phase", "")), _extra(event, level)]
    return " ".join(part for part in parts if part)


def _name(event: Event, level: Json) -> str:
    if event.name.startswith("job."):
        index = level.get("index")
        number = f"{level.get('number', '?')}{'' if index is None else f'_{index}'}"
        return f"{number} {(level.get('summary') or {}).get('name', '')}".strip()
    return str(level.get("name") or event.subject[:12])


def _extra(event: Event, level: Json) -> str:
    parts: list[str] = []
    if level.get("attempt", 0) > 1 or level.get("restarts"):
        parts.append(f"attempt {level.get('attempt')}")
    if level.get("place"):
        parts.append(_place(level["place"]))
    if level.get("exit_code") is not None:
        parts.append(f"exit code {level['exit_code']}")
    why = level.get("reason") or level.get("why")
    return ", ".join(parts) + (f"{': ' if parts else ''}{why}" if why else "")


def _place(place: Json) -> str:
    if not place:
        return "a node"
    where = "/".join(part for part in (place.get("infra"), place.get("region"), place.get("zone")) if part)
    return f"{place.get('instance_type', '')} on {where}"


def _because(why: str) -> str:
    return f": {why}" if why else ""
