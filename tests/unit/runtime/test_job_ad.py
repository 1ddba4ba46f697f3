"""The job ad, as the starter writes it."""

import os
import socket
import subprocess
import sys

import pytest

from jupyter_session.condor.job_ad import read_job
from jupyter_session.settings import resolve

# pytest-xdist has threads, the process that reads an ad has none yet
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def job(tmp_path, text, machine="Memory = 1\n"):
    environ = {}
    for name, content in (("_CONDOR_JOB_AD", text), ("_CONDOR_MACHINE_AD", machine)):
        environ[name] = str(tmp_path / name)
        (tmp_path / name).write_text(content)
    return read_job(environ)


def test_a_job_knows_its_id_its_settings_and_its_access_point(tmp_path):
    found = job(
        tmp_path,
        'ClusterId = 12\nProcId = 3\nOwner = "alice"\nGlobalJobId = "ap.example.org#12.3#17"\n'
        'JupyterIdleTimeout = "2h"\nRank = 1 + MY.Foo\n',
    )
    assert found.id == "12.3"
    assert found.access_point == "alice@ap.example.org"
    assert found.attributes["jupyteridletimeout"] == "2h"
    assert "rank" not in found.attributes


@pytest.mark.parametrize("value", ["undefined", "error", "UNDEFINED", "Missing + 1"])
def test_an_attribute_without_a_value_is_not_there(tmp_path, value):
    names = ("JupyterMaxRuntime", "TransferOutputRemaps", "JobMaxVacateTime", "JupyterIdleSeconds", "Owner")
    ad = "ClusterId = 1\nProcId = 0\n" + "".join(f"{name} = {value}\n" for name in names)
    found = job(tmp_path, ad, f"Memory = {value}\nMachine = {value}\n")
    assert (set(found.attributes), dict(found.machine)) == ({"clusterid", "procid"}, {})
    assert found.host == socket.gethostname()
    assert found.access_point is None
    assert resolve({}, {}, found.attributes) == resolve({}, {}, {})


def test_a_job_without_an_id_is_no_job(tmp_path):
    assert job(tmp_path, "ClusterId = undefined\nProcId = 0\n") is None


def test_a_named_schedd_is_on_its_host(tmp_path):
    ad = 'ClusterId = 1\nProcId = 0\nOwner = "a"\nGlobalJobId = "q2@ap.example.org#1.0#1"\n'
    assert job(tmp_path, ad).access_point == "a@ap.example.org"


def test_a_schedd_whose_name_says_no_full_host_is_on_the_shadows(tmp_path):
    address = "<10.0.0.1:9618?addrs=10.0.0.1-9618&alias={}&noUDP&sock=shadow_1>"
    ad = 'ClusterId = 1\nProcId = 0\nOwner = "a"\nGlobalJobId = "second@#1.0#1"\nShadowIpAddr = "{}"\n'
    assert job(tmp_path, ad.format(address.format("ap.example.org"))).access_point == "a@ap.example.org"
    assert job(tmp_path, ad.format(address.format("$(id)"))).access_point is None
    assert job(tmp_path, ad.format("<10.0.0.1:9618>")).access_point is None
    ad = ad.replace("second@", "second@gpus")
    assert job(tmp_path, ad.format(address.format("ap.example.org"))).access_point == "a@ap.example.org"
    assert job(tmp_path, ad.format("<10.0.0.1:9618>")).access_point == "a@gpus"
    ad = ad.replace("second@gpus", "second@ap.example.org")
    assert job(tmp_path, ad.format(address.format("inner"))).access_point == "a@ap.example.org"


def test_names_that_a_shell_could_read_its_own_way_give_no_access_point(tmp_path):
    ad = 'ClusterId = 1\nProcId = 0\nOwner = "a$(id)"\nGlobalJobId = "ap#1.0#1"\n'
    assert job(tmp_path, ad).access_point is None


def test_outside_a_job_or_with_an_ad_that_is_none_there_is_no_job(tmp_path):
    assert read_job({}) is None
    assert read_job({"_CONDOR_JOB_AD": str(tmp_path / "none")}) is None
    assert job(tmp_path, "no ad at all [[[") is None
    assert job(tmp_path, "") is None


def test_the_machine_is_named_by_its_ad_or_by_itself(tmp_path):
    ad = "ClusterId = 1\nProcId = 0\n"
    found = job(tmp_path, ad, 'Machine = "gpu1.example.org"\nMemory = 4096\n')
    assert (found.host, found.machine["memory"]) == ("gpu1.example.org", 4096)
    assert job(tmp_path, ad, "no ad").host == socket.gethostname()
    assert job(tmp_path, ad).host == socket.gethostname()


def test_reading_the_ads_leaves_no_native_library_behind(tmp_path):
    loaded = "import sys; from jupyter_session.condor.job_ad import read_job; print(read_job(dict([sys.argv[1:]])).id)"
    loaded += (
        "; print([name for name in sys.modules if 'classad' in name], open('/proc/self/maps').read().count('classad'))"
    )
    (tmp_path / "ad").write_text("ClusterId = 1\nProcId = 0\n")
    command = [sys.executable, "-c", loaded, "_CONDOR_JOB_AD", str(tmp_path / "ad")]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert said.stdout.split("\n")[:2] == ["1.0", "[] 0"]


@pytest.mark.parametrize(
    ("version", "outside"),
    [
        *(("23.9.6", True), ("24.0.19", True), ("24.0.20", False), ("24.12.4", True)),
        *(("25.0.9", True), ("25.0.10", False), ("25.3.1", True), ("25.14.1", False), ("26.0.0", False)),
    ],
)
def test_a_machine_of_an_older_version_runs_commands_outside_of_the_container(tmp_path, version, outside):
    machine = f'CondorVersion = "$CondorVersion: {version} 2026-07-12 PackageID: x $"\n'
    assert job(tmp_path, "ClusterId = 1\nProcId = 0\n", machine).outside is outside
    assert job(tmp_path, "ClusterId = 1\nProcId = 0\n").outside is False
