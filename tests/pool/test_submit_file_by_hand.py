"""A submit file by hand that lacks something: the session says so at its start, with the line to write."""

import json

import pytest

from support.waiting import wait_for

pytestmark = pytest.mark.slow


def test_what_a_file_of_ones_own_lacks_is_said_in_lab_the_log_and_status(new_session):
    """R3: nothing comes back, and nobody had said so."""
    session = new_session()
    session.submit(
        "", 'transfer_output_remaps = "jupyter.tmp=x"', "when_to_transfer_output = ON_EXIT", without="transfer_o"
    )
    session.ready()
    wait_for(lambda: len(session.warnings()) == 2, 30, lambda: f"two warnings: {session.warnings()}")
    output, when = session.warnings()
    assert output == (
        "notebooks doesn't come back when the job ends: write `transfer_output_files = notebooks` in the submit file."
    )
    assert "write `when_to_transfer_output = ON_EXIT_OR_EVICT` in the submit file" in when
    assert session.status()["warnings"] == [output, when]
    assert f"warning: {output}" in session.inside("jupyter-session", "status").splitlines()
    notice = json.loads(session.request("/jupyter-session/notice"))
    assert notice["text"] == f"{output} {when}"
    assert output in session.inside("sh", "-c", "cat $_CONDOR_SCRATCH_DIR/_condor_stdout")


def test_a_slash_that_brings_the_notebooks_back_without_their_folder_is_said(new_session):
    """Before, nothing was said: the receipt and the notebooks lay beside the submit file."""
    session = new_session().submit("", "transfer_output_files = ./notebooks/", without="transfer_o")
    session.ready()
    wait_for(session.warnings, 30, "a warning")
    [said] = session.warnings()
    assert said.startswith("What is in notebooks comes back to the folder of the submit file itself,")
    assert "write `transfer_output_files = notebooks` in the submit file" in said
    session.inside("sh", "-c", "echo kept >notebooks/kept.txt; jupyter-session stop")
    session.wait_gone(120)
    assert session.file("kept.txt") == "kept\n"  # as HTCondor takes the slash
    assert session.file("notebooks/kept.txt") == "kept\n"  # saved while the session ran, and at its end


def test_without_chirp_a_session_can_be_asked_and_ends_in_order(new_session):
    """R2: it can publish nothing, but answers from inside, says why, and ends by itself."""
    session = new_session().submit("--idle-timeout 40s", without=("want_io_proxy", "My.WantRemoteUpdates"))
    wait_for(lambda: "ready" in session.inside("jupyter-session", "status", "--json"), 90, "an answer from inside")
    said = session.status()
    assert "`want_io_proxy = true`" in said["problem"]
    assert any("add `want_io_proxy = true` to the submit file" in sentence for sentence in said["warnings"])
    session.inside("sh", "-c", "echo kept >notebooks/kept.txt")
    ad = session.wait_gone(120)
    assert (ad["ExitCode"], "JupyterState" in ad) == (0, False)
    assert session.file("notebooks/kept.txt") == "kept\n"
    assert "Add `want_io_proxy = true` to the submit file" in session.errors()
    assert session.receipt()["end"] == "idle"
