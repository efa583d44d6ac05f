"""Reports as a picture: machines and spend over time, one row a report, in SVG that stands dark and light.

An SVG of some shapes needs no library; a PNG is drawn from it by resvg, which is an extra.
"""

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from tradewind.simulator.whatif.refused import WhatIfRefused
from tradewind.simulator.whatif.report import Moment, Report

WIDTH, ROW, TOP = 1080.0, 290.0, 20.0
PANEL_W, PANEL_H = 420.0, 180.0
LEFT = (80.0, 620.0)
"""Where the panels of a row begin."""
BELOW_TITLE = 62.0
TICKS = 5
UNITS = ((2 * 3_600.0, 60.0, "minutes"), (4 * 86_400.0, 3_600.0, "hours"), (math.inf, 86_400.0, "days"))
"""(up to so many seconds, the unit of the axis, its name)"""

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 14px }
.soft { fill: #57606a }
.paper { fill: #ffffff }
.grid { stroke: #d0d7de; stroke-width: 1 }
.axis { stroke: #57606a; stroke-width: 1 }
.machines { fill: #2f81f7; fill-opacity: .22; stroke: #2f81f7; stroke-width: 1.2 }
.busy { fill: #2da44e; fill-opacity: .45; stroke: #2da44e; stroke-width: 1.2 }
.waiting { fill: none; stroke: #d4730b; stroke-width: 1.6 }
.spent { fill: none; stroke: #2f81f7; stroke-width: 2 }
.ondemand { fill: none; stroke: #8b949e; stroke-width: 1.6; stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .soft { fill: #9da7b3 }
  .paper { fill: #0d1117 }
  .grid { stroke: #30363d }
  .axis { stroke: #9da7b3 }
}
"""


Drawer = Callable[[Sequence[Report]], bytes]


def drawer(form: str) -> Drawer:
    """What draws reports as `.svg` or `.png`. Raises WhatIfRefused: another form, or no resvg for a PNG."""
    if form == ".svg":
        return lambda reports: svg(reports).encode()
    if form != ".png":
        raise WhatIfRefused(f"--picture: {form or 'no ending'} is no picture: write FILE.svg or FILE.png")
    try:
        resvg, roboto = map(importlib.import_module, ("resvg_py", "font_roboto"))
    except ImportError as error:
        raise WhatIfRefused(
            "--picture: a PNG needs resvg: `pip install tradewind-simulator[png]`, or write .svg"
        ) from error
    # A machine without a screen often has no fonts.
    fonts = [roboto.font_files["Roboto"], roboto.font_files["RobotoBold"]]
    return lambda reports: bytes(
        resvg.svg_to_bytes(svg_string=svg(reports), zoom=2, font_files=fonts, sans_serif_family="Roboto")
    )


def svg(reports: Sequence[Report]) -> str:
    """All rows have the same axes, so that they can be compared."""
    end_s = max(report.simulated_s for report in reports)
    moments = [moment for report in reports for moment in report.history]
    most = max((max(one.machines, one.busy, one.waiting) for one in moments), default=0.0)
    dearest = max((max(one.usd, one.on_demand_usd) for one in moments), default=0.0)
    height = TOP + ROW * len(reports)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:g}" '
            f'width="{WIDTH:g}" height="{height:g}" role="img">'
        ),
        f"<title>{escape(_what(reports))}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH:g}" height="{height:g}"/>',
    ]
    for row, report in enumerate(reports):
        top = TOP + ROW * row
        parts.append(_text(LEFT[0], top + 14, _headline(report), kind="title"))
        parts += _load(report, Frame(LEFT[0], top + BELOW_TITLE, end_s, most))
        parts += _spend(report, Frame(LEFT[1], top + BELOW_TITLE, end_s, dearest))
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True, slots=True)
class Frame:
    """One panel: where it lies, and what its axes reach."""

    left: float
    top: float
    end_s: float
    most: float

    @property
    def step(self) -> float:
        return _nice_step(self.most)

    @property
    def reach(self) -> float:
        """The axis ends at a whole step."""
        return max(math.ceil(self.most / self.step - 1e-9), 1) * self.step

    def x(self, at_s: float) -> float:
        return self.left + PANEL_W * at_s / (self.end_s or 1.0)

    def y(self, value: float) -> float:
        return self.top + PANEL_H * (1 - value / self.reach)


def _load(report: Report, frame: Frame) -> Iterator[str]:
    yield from _axes(frame, of="machines and jobs", number=lambda value: f"{value:g}")
    yield from _legend(frame, ("machines", "machines paid"), ("busy", "at work"), ("waiting", "jobs waiting"))
    yield _area(frame, report, kind="machines", value=lambda one: one.machines)
    yield _area(frame, report, kind="busy", value=lambda one: one.busy)
    yield _line(frame, _steps(report, lambda one: one.waiting), "waiting")


def _spend(report: Report, frame: Frame) -> Iterator[str]:
    yield from _axes(frame, of="USD spent so far", number=lambda value: f"${value:g}")
    yield from _legend(frame, ("spent", "spent"), ("ondemand", "the same machines on demand"))
    on_demand = [(one.at_s, one.on_demand_usd) for one in report.history]
    yield _line(frame, [(0.0, 0.0), *on_demand], "ondemand")
    yield _line(frame, [(0.0, 0.0), *((one.at_s, one.usd) for one in report.history)], "spent")


def _axes(frame: Frame, *, of: str, number: Callable[[float], str]) -> Iterator[str]:
    right, bottom = frame.left + PANEL_W, frame.top + PANEL_H
    for tick in range(round(frame.reach / frame.step) + 1):
        value = tick * frame.step
        y = frame.y(value)
        yield f'<line class="grid" x1="{frame.left:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(frame.left - 8, y + 4, number(round(value, 9)), anchor="end")
    unit_s, name = next((unit, name) for up_to, unit, name in UNITS if frame.end_s <= up_to)
    step = _nice_step(frame.end_s / unit_s)
    for tick in range(int(frame.end_s / unit_s / step + 1e-9) + 1):
        x = frame.x(tick * step * unit_s)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom:g}" y2="{bottom + 4:g}"/>'
        yield _text(x, bottom + 18, f"{round(tick * step, 9):g}", anchor="middle")
    yield f'<line class="axis" x1="{frame.left:g}" x2="{right:g}" y1="{bottom:g}" y2="{bottom:g}"/>'
    yield _text(right, bottom + 34, f"{name} since the beginning", anchor="end")
    beside = f"translate({frame.left - 56:g} {frame.top + PANEL_H / 2:g}) rotate(-90)"
    yield f'<text class="soft" text-anchor="middle" transform="{beside}">{of}</text>'


def _legend(frame: Frame, *entries: tuple[str, str]) -> Iterator[str]:
    x, y = frame.left, frame.top - 16
    for kind, name in entries:
        if kind in {"machines", "busy"}:
            yield f'<rect class="{kind}" x="{x:g}" y="{y - 9:g}" width="18" height="10"/>'
        else:
            yield f'<line class="{kind}" x1="{x:g}" x2="{x + 18:g}" y1="{y - 4:g}" y2="{y - 4:g}"/>'
        yield _text(x + 24, y, name)
        x += 44 + 6.6 * len(name)


def _steps(report: Report, value: Callable[[Moment], float]) -> list[tuple[float, float]]:
    """Averages as steps: each holds from the moment before."""
    points: list[tuple[float, float]] = []
    before_s = 0.0
    for one in report.history:
        points += [(before_s, value(one)), (one.at_s, value(one))]
        before_s = one.at_s
    return points


def _area(frame: Frame, report: Report, *, kind: str, value: Callable[[Moment], float]) -> str:
    steps = _steps(report, value)
    around = [(0.0, 0.0), *steps, (steps[-1][0] if steps else 0.0, 0.0)]
    return f'<polygon class="{kind}" points="{_points(frame, around)}"/>'


def _line(frame: Frame, points: Sequence[tuple[float, float]], kind: str) -> str:
    return f'<polyline class="{kind}" points="{_points(frame, points)}"/>'


def _points(frame: Frame, points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{frame.x(at_s):.1f},{frame.y(value):.1f}" for at_s, value in points)


def _text(x: float, y: float, text: str, *, kind: str = "soft", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _headline(report: Report) -> str:
    jobs, cost = report.jobs, report.cost
    hours = report.makespan_s / 3_600
    return (
        f"{report.infra}: {jobs.succeeded} of {len(report.job_list)} jobs done in {hours:.1f} h "
        f"for ${cost.usd:.2f}, {report.utilisation:.0%} at work, {report.reclaims.machines} taken away"
    )


def _what(reports: Sequence[Report]) -> str:
    return f"{reports[0].workload} on {', '.join(report.infra for report in reports)}"


def _nice_step(reach: float) -> float:
    """1, 2 or 5 times a power of ten, so that about `TICKS` of them reach it."""
    if reach <= 0:
        return 1.0
    rough = reach / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough - 1e-12)
