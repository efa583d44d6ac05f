"""A home: private, for one supervisor, and with an endpoint that only speaks while somebody answers."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tradewind.common.endpoint import Endpoint, home_folder, read_token
from tradewind.common.private_files import write_private
from tradewind.common.processes import started_at
from tradewind.local.home import Home, HomeInUse, HomeRefused
from tradewind.local.ports import LOOPBACK
from tradewind.local.settings import Settings


def modes(folder: Path) -> set[str]:
    return {oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir()) if path.is_dir()}


def test_the_home_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRADEWIND_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    monkeypatch.setenv("TRADEWIND_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home_folder() == tmp_path / ".tradewind"


def test_folders_are_private_even_if_they_were_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with Home(tmp_path).locked():
        assert modes(tmp_path) == {"0o700"}


def test_a_second_supervisor_is_refused_with_a_clear_sentence(home: Home) -> None:
    with pytest.raises(HomeInUse) as refused, Home(home.folder).locked():
        pass
    assert refused.value.pid == os.getpid()
    assert str(refused.value) == (
        f"the home {home.folder} is in use by process {os.getpid()}: stop it with `tw api stop`, "
        "or set TRADEWIND_HOME to another folder"
    )


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(HomeRefused, match=r"cannot make the home .*/home: File exists"):
        Home(tmp_path / "home").prepare()


def test_the_token_is_made_once_and_private(home: Home) -> None:
    assert read_token(home.folder) is None
    token = home.token()
    assert len(token) >= 43
    assert home.token() == token == read_token(home.folder)
    assert home.token_file.stat().st_mode & 0o777 == 0o600


def test_ports_and_passwords_are_kept(home: Home) -> None:
    settings = Settings(home)
    port, password = settings.port("nats"), settings.password("nats.admin")
    assert Settings(home).port("nats") == port
    assert Settings(home).password("nats.admin") == password != settings.password("nats.reader")
    assert home.settings_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.folder.iterdir() if path.name.endswith(".new")] == []


def test_a_port_that_is_taken_gives_way_to_another_that_is_kept(home: Home) -> None:
    taken = Settings(home).port("nats")
    with socket.create_server((LOOPBACK, taken)):
        moved = Settings(home).port("nats")
        assert moved != taken
    assert Settings(home).port("nats") == moved


def test_damaged_settings_are_refused_with_what_to_do(home: Home) -> None:
    home.settings_file.write_text('{"ports": ')
    with pytest.raises(HomeRefused, match=r"secrets.json is damaged .*: restore it, or remove the home"):
        Settings(home)


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before, and longer")
    path.chmod(0o644)
    write_private(path, "äfter")
    assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("äfter", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_an_endpoint_is_there_while_its_process_lives(tmp_path: Path) -> None:
    assert Endpoint.read(tmp_path) is None
    mine = Endpoint.of_this_process("http://127.0.0.1:1")
    mine.write(tmp_path)
    assert Endpoint.read(tmp_path) == mine
    Endpoint("http://127.0.0.1:1", os.getpid(), "another start of this pid").write(tmp_path)
    assert Endpoint.read(tmp_path) is None
    (tmp_path / "endpoint.json").write_text("{}")
    assert Endpoint.read(tmp_path) is None
    Endpoint.remove(tmp_path)
    Endpoint.remove(tmp_path)
    assert Endpoint.read(tmp_path) is None


def test_the_endpoint_of_a_zombie_is_stale(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        endpoint = Endpoint("http://127.0.0.1:1", process.pid, started_at(process.pid) or "")
        endpoint.write(tmp_path)
        assert Endpoint.read(tmp_path) == endpoint
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and not reaped: a zombie
        os.kill(process.pid, 0)
        assert Endpoint.read(tmp_path) is None
    assert Endpoint.read(tmp_path) is None
