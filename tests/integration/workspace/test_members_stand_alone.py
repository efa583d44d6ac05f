"""Each member installs and imports with its own dependencies only, as it would on a machine of its own."""

import json
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
MEMBERS = sorted(path.parent for top in ("libs", "services") for path in ROOT.glob(f"{top}/*/pyproject.toml"))

# Imports every module of a package. alembic's scripts are no modules: alembic itself runs them.
IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if ".migrations." not in module.name:
        importlib.import_module(module.name)
"""


@cache
def uv() -> str:
    """The pinned one that ./dev brought, else any."""
    found = shutil.which("uv", path=ROOT / ".dev/uv/bin") or shutil.which("uv")
    assert found, "uv is not here: run ./dev setup"
    return found


def succeed(*command: str | Path, cwd: Path = ROOT) -> str:
    """What the command prints. If it fails, what it had to say is all that there is to know."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        pytest.fail(f"exit code {done.returncode}:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


def project(member: Path) -> dict[str, Any]:
    return tomllib.loads((member / "pyproject.toml").read_text())["project"]


def install_alone(member: Path, venv: Path, *, extras: Iterable[str] = ()) -> Path:
    """A new environment with only the member, built as a wheel, and what it asks for. Returns its Python."""
    succeed(uv(), "venv", "-q", "--no-project", "--python", ROOT / ".venv/bin/python", venv)
    python, wanted = venv / "bin/python", f"{member}[{','.join(extras)}]"
    # What was built of an earlier state of the sources is not what is asked about.
    fresh = ["--refresh-package", project(member)["name"]]
    succeed(uv(), "pip", "install", "-q", *fresh, "--python", python, "-c", "requirements.txt", wanted)
    return python


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_installs_and_imports_alone(member: Path, tmp_path: Path) -> None:
    python = install_alone(member, tmp_path / "venv", extras=project(member).get("optional-dependencies", ()))

    succeed(python, "-I", "-c", IMPORT_ALL, f"tradewind.{member.name}", cwd=tmp_path)

    [site_packages] = (tmp_path / "venv/lib").glob("python*/site-packages")
    assert (site_packages / "tradewind" / member.name / "py.typed").exists(), (
        "its wheel does not say that it is typed"
    )


def test_contracts_need_no_extra(tmp_path: Path) -> None:
    """Whoever reads our events, the client among them, brings no bus and no database for it."""
    python = install_alone(ROOT / "libs/common", tmp_path / "venv")

    succeed(python, "-I", "-c", IMPORT_ALL, "tradewind.common.contracts", cwd=tmp_path)


def test_agent_stays_small(tmp_path: Path) -> None:
    """An agent goes to every node: what it brings along is paid for there, in seconds and in memory."""
    python = install_alone(ROOT / "services/agent", tmp_path / "venv")

    listed = json.loads(succeed(uv(), "pip", "list", "-q", "--python", python, "--format", "json"))
    installed = {distribution["name"] for distribution in listed}

    assert {"tradewind-agent", "nats-py"} <= installed
    assert installed.isdisjoint({"sqlalchemy", "faststream", "fastapi", "asyncpg", "opentelemetry-sdk"})
    assert len(installed) <= 12, sorted(installed)


def test_every_member_is_a_source_of_the_workspace() -> None:
    """Otherwise uv would look for the name on the registry, where anyone may have taken it."""
    sources = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["sources"]

    named = {name for name, source in sources.items() if source == {"workspace": True}}

    assert named == {project(member)["name"] for member in MEMBERS}
