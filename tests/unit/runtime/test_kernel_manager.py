"""Kernels get short socket paths of their own, and the session's Python."""

import sys

import pytest

pytest.importorskip("jupyter_server")

from jupyter_client.kernelspec import KernelSpec

from jupyter_session.jupyter.extension.kernel_manager import SessionKernelManager


def make(folder, argv=("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"), **options):
    manager = SessionKernelManager(
        transport="ipc", sockets=str(folder), connection_file=str(folder / "long" / "kernel.json"), **options
    )
    manager._kernel_spec = KernelSpec(argv=list(argv))
    return manager


def test_each_kernel_has_a_short_path_of_its_own(tmp_path):
    ips = [make(tmp_path).ip for _ in range(3)]
    assert len(set(ips)) == 3
    assert all(len(ip) <= len(f"{tmp_path}/1234") for ip in ips)


def test_path_with_sockets_of_a_dead_server_is_not_used(tmp_path):
    number = int(make(tmp_path).ip.rpartition("/")[2])
    (tmp_path / f"{number + 1}-3").touch()
    assert make(tmp_path).ip == f"{tmp_path}/{number + 2}"


def test_tcp_keeps_its_address(tmp_path):
    assert SessionKernelManager(transport="tcp", sockets=str(tmp_path)).ip == "127.0.0.1"


@pytest.mark.parametrize("name", ["python", "python3", sys.executable])
def test_kernel_that_says_only_python_runs_in_the_sessions_environment(name, tmp_path):
    assert make(tmp_path, (name, "-m", "x"), python="/session/python").format_kernel_cmd()[0] == "/session/python"


def test_kernel_with_a_program_of_its_own_keeps_it(tmp_path):
    assert (
        make(tmp_path, ("/mine/bin/python", "-m", "x"), python="/s/python").format_kernel_cmd()[0] == "/mine/bin/python"
    )
    assert make(tmp_path, ("python", "-m", "x")).format_kernel_cmd()[0] == sys.executable
