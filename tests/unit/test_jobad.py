"""The job ad, as the starter writes it."""

from jupyter_session.jobad import read_job, read_machine


def job(tmp_path, text):
    file = tmp_path / ".job.ad"
    file.write_text(text)
    return read_job({"_CONDOR_JOB_AD": str(file)})


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


def test_a_named_schedd_is_on_its_host(tmp_path):
    ad = 'ClusterId = 1\nProcId = 0\nOwner = "a"\nGlobalJobId = "q2@ap.example.org#1.0#1"\n'
    assert job(tmp_path, ad).access_point == "a@ap.example.org"


def test_names_that_a_shell_could_read_its_own_way_give_no_access_point(tmp_path):
    ad = 'ClusterId = 1\nProcId = 0\nOwner = "a$(id)"\nGlobalJobId = "ap#1.0#1"\n'
    assert job(tmp_path, ad).access_point is None


def test_outside_a_job_or_with_an_ad_that_is_none_there_is_no_job(tmp_path):
    assert read_job({}) is None
    assert read_job({"_CONDOR_JOB_AD": str(tmp_path / "none")}) is None
    assert job(tmp_path, "no ad at all [[[") is None
    assert job(tmp_path, "") is None


def test_the_machine_is_named_by_its_ad(tmp_path):
    ad = tmp_path / ".machine.ad"
    ad.write_text('Machine = "gpu1.example.org"\n')
    assert read_machine({"_CONDOR_MACHINE_AD": str(ad)}) == "gpu1.example.org"
    assert read_machine({})
