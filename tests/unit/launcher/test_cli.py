"""The command line of chtc-jupyter: its version, its verbs, its settings, and which machine it takes."""

import os
import re
import subprocess
import sys

import pytest
import typer.main
from typer.testing import CliRunner

import chtc_jupyter
from chtc_jupyter.cli import app
from chtc_jupyter.commands import access_point, config, profiles
from chtc_jupyter.condor.submit import Request, build_description
from chtc_jupyter.errors import UsageError
from chtc_jupyter.ssh.agent_client import HERE
from chtc_jupyter.terminal import Terminal

VERBS = [name for name, verb in typer.main.get_command(app).commands.items() if not verb.hidden]


@pytest.fixture(autouse=True)
def own_state(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def call(*argv):
    return CliRunner(env={"COLUMNS": "120", "TERM": "dumb"}).invoke(app, argv)


def test_version_is_printed():
    done = call("--version")
    assert (done.exit_code, done.stdout) == (0, f"chtc-jupyter {chtc_jupyter.__version__}\n")


def test_verbs_are_listed_in_the_order_of_need_and_without_exit_statuses():
    order = "start connect list status stop extend logs attach url cp ssh-config doctor config forget image admin"
    shown = call().output
    assert re.findall(r"^│ ([a-z][a-z-]*) ", shown, re.MULTILINE) == order.split()
    assert sorted(VERBS) == sorted(order.split())
    assert "130" not in shown
    assert "130" in call("start", "--help").stdout


def test_command_without_an_access_point_asks_for_it(tmp_path):
    command = [sys.executable, "-m", "chtc_jupyter", "list"]
    environ = {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Which access point?" in done.stderr
    assert "--ap" in done.stderr


def test_mistyped_verb_is_answered_by_one_suggestion():
    done = call("strat")
    assert done.exit_code == 2
    said = " ".join(done.output.replace("│", " ").split())
    assert said.count("Did you mean") == 1
    assert "Did you mean start or status?" in said
    assert "--help" in call("qqq").output
    assert call("--qqq").exit_code == 2


def test_config_shows_every_setting_with_its_value_or_default():
    assert call("config", "memory", "16GB").exit_code == 0
    assert call("config", "browser", "no").exit_code == 0
    lines = call("config").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(config.KEYS)
    assert "memory = 16GB" in lines
    assert "browser = false" in lines
    assert "image is not set (default: ~/jupyter/jupyter.sif)" in lines
    assert call("config", "cpus").stdout == "cpus is not set (default: 1)\n"
    assert call("config", "memory", "").exit_code == 0
    assert call("config", "memory").stdout == "memory is not set (default: 4GB)\n"
    shown = call("config", "--help").stdout
    assert all(f"{key}:" in shown for key in config.KEYS)


@pytest.mark.parametrize(
    ("key", "value"),
    [("color", "red"), ("gpus", "many"), ("gpus", "²"), ("browser", "perhaps"), ("idle_timeout", "soon"),
     ("memory", "1\n2"), ("memory", "lots"), ("disk", "8 parsecs"), ("gpu_memory", "20GB+"), ("cpus", "0"),
     ("ap", "a b")],
)  # fmt: skip
def test_invalid_setting_is_refused(key, value):
    assert isinstance(call("config", key, value).exception, UsageError)
    assert config.load() == {}


def test_defaults_in_the_settings_are_those_of_the_submit_file():
    description = build_description(Request(name="n", folder="f", notebooks="d/n", image="i"))
    for key in ("cpus", "memory", "disk"):
        assert config.KEYS[key].builtin == description[f"request_{key}"]


def install_condor(monkeypatch, tmp_path, *, schedd):
    """Have HTCondor's tools on this machine, with or without a schedd that runs."""
    address = tmp_path / "address"
    if schedd:
        address.write_text("<10.0.0.1:9618>\n")
    asked = subprocess.CompletedProcess([], 0, f"{address}\n", "")
    monkeypatch.setattr(access_point.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(access_point.subprocess, "run", lambda *_, **__: asked)


def test_machine_with_tools_and_no_schedd_is_not_taken_for_an_access_point(monkeypatch, tmp_path, capsys):
    install_condor(monkeypatch, tmp_path, schedd=False)
    with pytest.raises(UsageError, match=r"runs no schedd\. Give --ap USER@HOST"):
        access_point.choose_access_point(None, Terminal())
    assert access_point.choose_access_point("a@b", Terminal()) == "a@b"
    assert capsys.readouterr().err == ""


def test_access_point_itself_is_named_when_it_is_taken(monkeypatch, tmp_path, capsys):
    install_condor(monkeypatch, tmp_path, schedd=True)
    assert access_point.choose_access_point(None, Terminal()) == HERE
    said = capsys.readouterr().err
    assert access_point.socket.gethostname() in said
    assert "--ap" in said
    config.save({"ap": "c@d"})
    assert access_point.choose_access_point(None, Terminal()) == "c@d"


def test_profile_keeps_what_a_pool_always_wants_beside_the_general_defaults():
    assert call("config", "memory", "16GB").exit_code == 0
    assert call("config", "set", "+Group = 1; requirements = A").exit_code == 0
    lines = '+WantGPULab = true; +GPUJobLength = "short"; Requirements = B'
    for key, value in (("gpus", "1"), ("memory", "32GB"), ("set", lines), ("ap", "me@gpu")):
        assert call("config", "--profile", "chtc-gpu", key, value).exit_code == 0
    assert call("config", "--profile", "arm", "arch", "arm64").exit_code == 0
    planned = call("start", "--dry-run", "--profile", "chtc-gpu", "--memory", "64GB").stdout.splitlines()
    for line in ("request_gpus = 1", "request_memory = 64GB", "+WantGPULab = true", '+GPUJobLength = "short"'):
        assert line in planned
    assert "+Group = 1" in planned
    assert [line for line in planned if line.lower().startswith("requirements")] == ["requirements = B"]
    plain = call("start", "--dry-run").stdout
    assert "WantGPULab" not in plain
    assert "request_memory = 16GB" in plain
    assert 'TARGET.Arch == "aarch64"' in call("start", "--dry-run", "--profile", "arm").stdout
    shown = call("config")
    assert "memory = 16GB" in shown.stdout
    assert "Profiles: arm, chtc-gpu." in shown.stderr
    assert "memory = 32GB" in call("config", "--profile", "chtc-gpu").stdout
    assert call("config", "--profile", "arm", "arch", "").exit_code == 0
    assert list(profiles.list_profiles(config.load())) == ["chtc-gpu"]


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (("start", "--dry-run", "--profile", "none"), "There is no profile 'none'. There is none yet."),
        (("config", "--profile", "a b", "gpus", "1"), "Invalid profile name 'a b'"),
        (("config", "--profile", "x", "color", "red"), "There is no setting 'color'"),
        (("config", "--profile", "x", "gpus", "many"), "whole number"),
        (("config", "--profile", "x"), "There is no profile 'x'"),
        (("start", "--dry-run", "--arch", "sparc"), "Invalid architecture 'sparc'"),
    ],
)
def test_profile_that_does_not_exist_or_is_invalid_is_named(argv, part):
    done = call(*argv)
    assert done.exit_code != 0
    assert part in str(done.exception)
    assert config.load() == {}


def test_file_with_something_else_in_place_of_profiles_is_said_to_be_wrong():
    config.get_path().parent.mkdir(parents=True, exist_ok=True)
    for text in ("profiles = 3\n", "[profiles]\nx = 1\n"):
        config.get_path().write_text(text)
        assert "Can't read the profiles" in str(call("start", "--dry-run", "--profile", "x").exception)
