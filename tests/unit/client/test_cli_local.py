"""Where the control plane is found, what starts the local stack, and its settings."""

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from tests.unit.client.scripted_gateway import TOKEN, Answer, ScriptedGateway, scripted_gateway
from tradewind.client import Client, Endpoint, Unavailable
from tradewind.client.cli import tw
from tradewind.common import endpoint as local
from tradewind.common.private_files import write_private


def run(*words: str) -> Result:
    return CliRunner().invoke(tw, words, catch_exceptions=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TRADEWIND_ENDPOINT", raising=False)
    monkeypatch.delenv("TRADEWIND_TOKEN", raising=False)
    return tmp_path / "home"


class NotStarted(Exception):
    """As in tradewind.local.api."""


class FakeStack:
    """What `tradewind.local.api` offers; its stack is a scripted gateway."""

    def __init__(self, gateway: ScriptedGateway) -> None:
        self.gateway = gateway
        self.starts = 0
        self.refuses = False

    def start(self, home: Path) -> local.Endpoint:
        if self.refuses:
            raise NotStarted("the local stack ended while starting")
        self.starts += 1
        home.mkdir(exist_ok=True)
        write_private(home / "token", TOKEN)
        endpoint = local.Endpoint.of_this_process(self.gateway.url)
        endpoint.write(home)
        return endpoint

    def stop(self, home: Path) -> bool:
        local.Endpoint.remove(home)
        return True

    def uninstall(self, home: Path) -> None:
        for file in home.iterdir():
            file.unlink()
        home.rmdir()

    def logs(self, home: Path, *, follow: bool = False) -> Iterator[str]:
        if not home.exists():
            raise FileNotFoundError
        yield "ready"


@pytest.fixture
def stack(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStack]:
    with scripted_gateway() as gateway:
        gateway.route("GET", "/v1/infra", Answer(200, {"infra": []}))
        fake = FakeStack(gateway)
        module = types.ModuleType("tradewind.local.api")
        refusals = {"NotStarted": NotStarted, "HomeRefused": type("HomeRefused", (Exception,), {})}
        calls = {name: getattr(fake, name) for name in ("start", "stop", "uninstall", "logs")}
        vars(module).update(calls | refusals)
        monkeypatch.setitem(sys.modules, "tradewind.local.api", module)
        yield fake


def test_any_command_starts_the_local_stack_once(stack: FakeStack):
    first, second = run("infra"), run("infra")
    assert (first.exit_code, first.stdout, first.stderr) == (0, "No infra.\n", "starting the local stack…\n")
    assert (second.exit_code, second.stderr) == (0, "")
    assert stack.starts == 1


def test_the_sdk_finds_the_local_stack_and_starts_none(stack: FakeStack, home: Path):
    with pytest.raises(Unavailable, match="no control plane runs here: start one with `tw api start`"):
        Client()
    stack.start(home)
    with Client() as client:
        assert client.infra() == ()


def test_one_that_is_set_wins(stack: FakeStack, gateway: ScriptedGateway):
    gateway.route("GET", "/v1/infra", Answer(200, {"infra": []}))
    assert run("infra").stderr == ""
    assert stack.starts == 0
    assert len(gateway.requests) == 1


def test_a_token_is_never_shown():
    assert "secret" not in repr(Endpoint("http://127.0.0.1:1", "secret"))


def test_the_stack_of_a_process_that_is_gone_does_not_run(home: Path):
    home.mkdir()
    write_private(
        home / "endpoint.json", json.dumps({"url": "http://127.0.0.1:1", "pid": 1, "started": "then"})
    )
    assert Endpoint.of_home(home) is None


def test_start_stop_logs_uninstall(stack: FakeStack, home: Path):
    assert run("api", "logs").stderr == f"tw: there is no log: the local stack never ran in {home}\n"
    assert run("api", "status").exit_code == 1
    assert run("api", "uninstall").stdout == f"there is nothing at {home}\n"
    assert run("api", "start").stdout == f"the control plane answers at {stack.gateway.url}\n"
    assert json.loads(run("api", "start", "-o", "json").stdout) == {
        "url": stack.gateway.url,
        "home": str(home),
    }
    assert run("api", "logs").stdout == "ready\n"
    assert run("api", "stop").stdout == "stopped\n"
    assert Endpoint.of_home(home) is None
    assert run("api", "uninstall").exit_code == 2
    assert run("api", "uninstall", "-y").stdout == f"deleted {home}\n"
    assert not home.exists()


def test_a_stack_that_does_not_start(stack: FakeStack):
    stack.refuses = True
    done = run("status")
    assert (done.exit_code, done.stderr.splitlines()[1]) == (1, "tw: the local stack ended while starting")


def test_a_machine_without_the_local_stack(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tradewind.local.api", None)
    monkeypatch.setitem(sys.modules, "tradewind.local", None)
    done = run("status")
    assert done.exit_code == 1
    assert done.stderr == (
        "tw: the local stack is not installed: `pip install tradewind-local`, or set TRADEWIND_ENDPOINT to a "
        "control plane elsewhere\n"
    )


def test_settings(home: Path):
    assert run("config", "get").stdout == "nothing is set\n"
    assert run("config", "get", "local.nodes").stdout == "not set\n"
    assert run("config", "set", "local.nodes", "4").exit_code == 0
    assert run("config", "set", "local.slots", "2").exit_code == 0
    assert yaml.safe_load((home / "config.yaml").read_text()) == {"local": {"nodes": 4, "slots": 2}}
    assert run("config", "get").stdout == "local.nodes = 4\nlocal.slots = 2\n"
    assert run("config", "get", "local.nodes").stdout == "4\n"
    assert json.loads(run("config", "get", "-o", "json").stdout) == {"local.nodes": 4, "local.slots": 2}
    assert (home / "config.yaml").stat().st_mode & 0o777 == 0o600
    assert run("config", "unset", "local.slots").exit_code == 0
    assert run("config", "get", "local.slots").stdout == "not set\n"
    assert run("config", "unset", "local.slots").exit_code == 0


def test_config_names_the_script_of_scripted_clouds(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    script = tmp_path / "clouds.yaml"
    script.touch()
    monkeypatch.chdir(tmp_path)
    assert run("config", "set", "mock.script", "clouds.yaml").exit_code == 0
    assert run("config", "get", "mock.script").stdout == f"{script}\n"
    missing = run("config", "set", "mock.script", "none.yaml")
    assert (missing.exit_code, run("config", "get", "mock.script").stdout) == (2, f"{script}\n")
    assert "'none.yaml' does not exist" in missing.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [", "is not YAML: mend it, or delete it"),
        ("- a", "is no mapping: mend it, or delete it"),
        ("local: 3", "local is no mapping: mend it, or delete the file"),
    ],
)
def test_settings_that_are_damaged(home: Path, content: str, said: str):
    home.mkdir()
    (home / "config.yaml").write_text(content)
    done = run("config", "set", "local.nodes", "4")
    assert done.exit_code == 2
    assert said in done.stderr
    assert (home / "config.yaml").read_text() == content
