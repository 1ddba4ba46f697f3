"""The review of a submission: what HTCondor reads keeps a session's promises, or is refused."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chtc_condor.dry_run import Expression, parse_dry_run, parse_value, split_words
from chtc_condor.submission import REASONS, describe_missing, is_session, override, review

PRINTED = """Dry-Run job(s)
ClusterId=1
Cmd=""
Iwd="/home/a/two"
Arguments="--notebooks my' 'work"
JobUniverse=5
WantIOProxy=true
Rank=0.0
Owner=undefined
Odd="a = \\"b\\" \\\\ c"
Requirements=(TARGET.Arch == "X86_64") && ("a" == "b")
ContainerImage="jupyter.sif"
ProcId=0
JobStatus=1
.
ProcId=1
Iwd="/home/a/three"
.
2 job(s) dry-run to cluster 1.
"""
GOOD = {
    "clusterid": 1, "cmd": "", "containerimage": "jupyter.sif", "containerimagefullpath": "jupyter.sif",
    "iwd": "/home/a", "jobuniverse": 5, "jobstatus": 1, "transferinput": "notebooks,jupyter.sif",
    "transferoutput": "notebooks", "shouldtransferfiles": "YES", "whentotransferoutput": "ON_EXIT_OR_EVICT",
    "spoolonevict": False, "wantioproxy": True, "userlog": "/home/a/jupyter/lab/jupyter-1.log",
}  # fmt: skip


def test_what_a_dry_run_prints_is_read_as_ads():
    first, second = parse_dry_run(PRINTED)
    assert first["arguments"] == "--notebooks my' 'work"
    assert (first["wantioproxy"], first["jobuniverse"], first["rank"], first["owner"]) == (True, 5, 0.0, None)
    assert first["odd"] == 'a = "b" \\ c'
    assert isinstance(first["requirements"], Expression)
    assert (second["iwd"], second["cmd"], second["procid"]) == ("/home/a/three", "", 1)


def test_jobs_that_are_created_later_are_counted():
    printed = 'ClusterId=1\nIwd="/x"\nJobMaterializeMaxIdle=1\n\n5 job(s) dry-run to cluster 1.\n'
    assert len(parse_dry_run(printed)) == 5
    assert len(parse_dry_run(printed.replace("5 job", "1 job"))) == 1
    assert parse_dry_run("Dry-Run job(s)\n\n") == []


@given(st.text(st.characters(codec="ascii", exclude_categories=("C",))))
def test_a_string_is_read_as_it_was_written(text):
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert parse_value(quoted) == text
    assert not isinstance(parse_value(quoted), Expression)


def test_words_are_grouped_by_single_quotes():
    assert split_words("it''s 'a b") == ["it''s", "'a", "b"]  # not closed: as it is


@pytest.mark.parametrize(
    ("attributes", "script", "expected"),
    [
        ({"Cmd": "", "ContainerImage": "x.sif"}, "", True),
        ({"Cmd": "", "DockerImage": "a/b"}, "", True),
        ({"Cmd": "/bin/sleep", "DockerImage": "a/b", "Args": "168h"}, "", False),
        ({"Cmd": "/home/a/lab.sh"}, "#!/bin/sh\nexec jupyter lab\n", False),
        ({"Cmd": "/home/a/lab.sh", "ContainerImage": "x.sif"}, "#!/bin/sh\nexec jupyter-session run\n", True),
        ({"Cmd": "/bin/sh", "ContainerImage": "x.sif", "Arguments": "-c 'exec jupyter-session run'"}, "", True),
        ({"Cmd": "/usr/local/bin/jupyter-session", "ContainerImage": "x.sif", "Arguments": "run"}, "", True),
        ({"Cmd": "/bin/sh", "InteractiveJob": True}, "", True),
        ({}, "", False),
    ],
)
def test_a_session_is_told_from_another_job(attributes, script, expected):
    assert is_session(attributes, script) is expected


@pytest.mark.parametrize(
    ("script", "arguments", "says"),
    [
        ('D=work\nexec jupyter-session run --notebooks "$D"', "", "chooses the notebook folder itself"),
        (
            "export JUPYTER_SESSION_NOTEBOOKS=$PWD/work\nexec jupyter-session run",
            "",
            "chooses the notebook folder itself",
        ),
        ("exec jupyter-session run", "--notebooks work", "doesn't pass it on"),
        ('exec jupyter-session run "$@"', "--notebooks work", ""),
        ("# give --notebooks in the submit file\nexec jupyter-session run", "", ""),
    ],
)
def test_a_script_opens_the_folder_that_comes_back_as_far_as_that_can_be_seen(script, arguments, says):
    refusals = review([{**GOOD, "cmd": "run.sh", "arguments": arguments}], script=script).refusals
    assert says in refusals[0] if says else refusals == []


@pytest.mark.parametrize("cmd", ["/bin/sh", "/bin/bash"])
def test_a_folder_in_a_command_for_a_shell_is_seen(cmd):
    found = review([{**GOOD, "cmd": cmd, "arguments": "-c 'jupyter-session run --notebooks work'"}])
    assert found.notebooks == "/home/a/work"
    assert found.additions["transfer_output_files"] == "work, notebooks"


@pytest.mark.parametrize("line", ["run --notebooks work", "run --notebooks='work'", "run"])
def test_a_script_that_names_its_folder_itself_is_refused_unless_that_comes_back(line):
    script = "#!/bin/sh\n" + ("export JUPYTER_SESSION_NOTEBOOKS=work\n" if line == "run" else "")
    script += f"exec jupyter-session {line}\n"
    [refusal] = review([{**GOOD, "cmd": "run.sh"}], script=script).refusals
    assert "`arguments = --notebooks work`" in refusal
    script = script.replace("work", "notebooks")
    assert review([{**GOOD, "cmd": "run.sh"}], script=script).refusals == []


def test_a_list_of_outputs_is_named_and_not_copied_since_its_macros_have_no_value_yet():
    found = review([{**GOOD, "transferoutput": "out_1, b"}])
    assert found.additions["transfer_output_files"] == "notebooks, out_1, b"
    assert found.references == {"transfer_output_files": "notebooks, $(transfer_output_files)"}
    assert review([{**GOOD, "transferoutput": "notebooks/, b"}]).references == {}
    assert review([GOOD]).references == {}


def test_a_good_submission_is_left_alone():
    found = review([GOOD], log="/home/a/jupyter/lab/jupyter-$(Cluster).log")
    assert (found.additions, found.notes, found.refusals) == ({}, [], [])
    assert found.notebooks == "/home/a/notebooks"


@pytest.mark.parametrize(
    ("more", "additions"),
    [
        ({"transferoutput": None}, {"transfer_output_files": "notebooks"}),
        ({"transferoutput": "results,notebooks/"}, {"transfer_output_files": "notebooks, results"}),
        ({"transferoutput": "results,notebooks"}, {}),
        ({"transferoutput": "./notebooks/"}, {"transfer_output_files": "notebooks"}),
        ({"transferoutput": "notebooks/., r/"}, {"transfer_output_files": "notebooks, r/"}),
        ({"transferoutput": "notebooks,notebooks//"}, {"transfer_output_files": "notebooks"}),
        ({"transferoutputremaps": "r = ./r; s = x/s"}, {}),
        ({"transferinput": "notebooks/,x,jupyter.sif"}, {"transfer_input_files": "notebooks, x"}),
        ({"transferinput": "x,jupyter.sif"}, {"transfer_input_files": "notebooks, x"}),
        ({"transferoutputremaps": "results/a = a"}, {}),
        ({"wantioproxy": Expression("x")}, {"want_io_proxy": "true"}),
        ({"wantioproxy": None, "wantremoteupdates": True}, {}),
        ({"wantioproxy": False, "wantremoteupdates": True}, {}),
        ({"spoolonevict": None}, {"My.SpoolOnEvict": "false"}),
        ({"whentotransferoutput": "ON_SUCCESS"}, {"when_to_transfer_output": "ON_EXIT_OR_EVICT"}),
        ({"shouldtransferfiles": "IF_NEEDED"}, {"should_transfer_files": "YES"}),
        ({"userlogusexml": True}, {"log_xml": "false"}),
        ({"userlog": "x.log"}, {"log": "/home/a/jupyter/lab/jupyter-$(Cluster).log"}),
        ({"onexitremove": Expression("(ExitBySignal == False) && (ExitCode == 0)")}, {}),
        ({"onexitremove": Expression("ExitCode =?= 85")}, {"on_exit_remove": "true"}),
        ({"onexitremove": Expression("ExitCode != 0")}, {"on_exit_remove": "true"}),
        ({"onexitremove": Expression("NumJobStarts >= 3")}, {"on_exit_remove": "true"}),
        ({"onexitremove": 0}, {"on_exit_remove": "true"}),
        ({"onexithold": Expression("ExitCode == 0")}, {"on_exit_hold": "false"}),
        ({"onexithold": Expression("ExitCode =!= 0")}, {}),
        ({"jobsuccessexitcode": 85}, {"success_exit_code": "0"}),
        ({"jobmaxvacatetime": 5}, {"job_max_vacate_time": "30"}),
        ({"maxtransferoutputmb": 5}, {"max_transfer_output_mb": "-1"}),
        ({"killsig": "SIGKILL"}, {"kill_sig": "SIGTERM"}),
    ],
)
def test_what_is_missing_is_added_and_told(more, additions):
    found = review([{**GOOD, **more}], log="/home/a/jupyter/lab/jupyter-$(Cluster).log")
    assert (found.additions, found.refusals) == (additions, [])
    assert len(found.notes) == len(additions)
    for key, value in additions.items():
        assert f"Added `{key} = {value}`" in found.notes[0]


@pytest.mark.parametrize(
    ("more", "part"),
    [
        (
            {"transferinput": "cells/notebooks"},
            "write `initialdir = /home/a/cells` and `transfer_input_files = notebooks`",
        ),
        ({"transferinput": "/data/notebooks"}, "takes /data/notebooks, but brings it back to /home/a/notebooks"),
        ({"arguments": "--notebooks a/b", "transferoutput": "a/b"}, "`preserve_relative_paths = true`"),
        ({"arguments": "--notebooks ../x"}, "`--notebooks NAME`"),
        ({"transferinput": "osdf:///a/notebooks?recursive,x"}, "list `notebooks` instead"),
        ({"outputdirectory": "results"}, "remove `output_directory`"),
        ({"cronhour": "8"}, "remove `deferral_time` or `cron_...`"),
        ({"transferoutputremaps": Expression("x")}, "write the names themselves"),
        ({"transferoutputremaps": "a = b; ./notebooks/c = /d"}, "brings notebooks/c back to another place"),
        ({"transferoutputremaps": "notebooks = notebooks/"}, "brings notebooks back to another place"),
        ({"transferoutputremaps": "a = a"}, "leads a back to itself"),
        ({"transferoutputremaps": "out=out/"}, "leads out back to itself"),
        ({"transferoutputremaps": "a=b/c; b=a"}, "leads a back to itself, so that not all comes back"),
        ({"holdreasoncode": 15, "jobstatus": None}, "remove `hold`"),
        ({"jobuniverse": 12}, "the local universe"),
        ({"cmd": "/bin/sleep"}, "runs /bin/sleep, which is not a session"),
        ({"containerimage": None}, "has no image"),
    ],
)
def test_what_no_line_can_mend_is_refused_in_one_sentence(more, part):
    found = review([{**GOOD, **more}], what="s.sub")
    assert len(found.refusals) == 1
    assert part in found.refusals[0]
    assert found.refusals[0].startswith("s.sub ")
    assert (found.additions, found.notes) == ({}, [])


@pytest.mark.parametrize(
    ("inputs", "outputs", "folder", "additions"),
    [
        ("a/b", "a/b", "a/b", {}),
        ("a", "a/b", "a/b", {}),
        ("cells/notebooks", "notebooks", "notebooks", {"transfer_input_files": "notebooks, cells/notebooks"}),
        ("/home/a/notebooks", "notebooks", "notebooks", {}),
    ],
)
def test_relative_paths_that_are_preserved_are_where_the_notebooks_are(inputs, outputs, folder, additions):
    ad = {**GOOD, "preserverelativepaths": True, "transferinput": inputs, "transferoutput": outputs}
    found = review([{**ad, "arguments": f"--notebooks {folder}"}])
    assert (found.additions, found.refusals) == (additions, [])
    assert found.notebooks == f"/home/a/{folder}"


def test_notebooks_that_are_not_on_the_access_point_yet_need_not_arrive():
    assert review([{**GOOD, "transferinput": "jupyter.sif"}], notebooks_exist=False).additions == {}


def test_a_time_limit_is_told():
    told = review([{**GOOD, "allowedexecuteduration": 1800, "periodicremove": Expression("time() > 5")}]).notes
    assert told == [
        "The submit file gives the session 30 min (`allowed_execute_duration`).",
        "The submit file removes the job when `time() > 5` is true (`periodic_remove`).",
    ]


_NAMES = st.sampled_from(
    ["notebooks", "results", "./notebooks", "notebooks/", "notebooks/a.txt", "a$b", "my work", "r/s"]
)
_FLAG = st.sampled_from([True, False, None, Expression("Foo =?= 1")])


@given(
    outputs=st.none() | st.builds(Expression, st.just("x")) | st.lists(_NAMES).map(",".join),
    inputs=st.none() | st.lists(_NAMES).map(",".join),
    remaps=st.none() | st.lists(st.tuples(_NAMES, _NAMES)).map(lambda pairs: ";".join(f"{a} = {b}" for a, b in pairs)),
    when=st.sampled_from([None, "ON_EXIT", "ON_EXIT_OR_EVICT", "ON_SUCCESS", Expression("x")]),
    should=st.sampled_from([None, "YES", "NO", "IF_NEEDED"]),
    spool=_FLAG,
    chirp=_FLAG,
    preserve=_FLAG,
    folder=st.sampled_from(["notebooks", "my work", "r/s"]),
)
def test_whatever_a_description_says_it_keeps_the_promises_or_is_refused(
    outputs, inputs, remaps, when, should, spool, chirp, preserve, folder
):
    ad = {
        **GOOD, "transferoutput": outputs, "transferinput": inputs, "transferoutputremaps": remaps,
        "whentotransferoutput": when, "shouldtransferfiles": should, "spoolonevict": spool, "wantioproxy": chirp,
        "preserverelativepaths": preserve, "arguments": f"--notebooks '{folder}'",
    }  # fmt: skip
    before = dict(ad)
    first = review([ad])
    assert ad == before
    if first.refusals:
        assert all(sentence.endswith(".") and "\n" not in sentence for sentence in first.refusals)
        return
    for additions in (first.additions, override(first.additions)):
        read = read_lines(ad, additions)
        assert folder in [part.strip() for part in read["transferoutput"].split(",")]
        assert read["whentotransferoutput"] == "ON_EXIT_OR_EVICT"
        assert read["shouldtransferfiles"] == "YES"
        assert read["spoolonevict"] is False
        assert read["wantioproxy"] is True
        for pair in filter(None, (read["transferoutputremaps"] or "").split(";")):
            assert not re.fullmatch(rf"(\./)?{folder}(/.*)?", pair.partition("=")[0].strip())
        assert not review([read]).additions
        assume("/" not in folder)
        assert any(part.strip().rpartition("/")[2] == folder for part in read["transferinput"].split(","))


def read_lines(ad, lines):
    """Return the ad as HTCondor changes it for lines that are added to its submit file."""
    attributes = {
        "transfer_output_files": "transferoutput",
        "transfer_input_files": "transferinput",
        "when_to_transfer_output": "whentotransferoutput",
        "should_transfer_files": "shouldtransferfiles",
        "want_io_proxy": "wantioproxy",
    }
    found = dict(ad)
    for key, value in lines.items():
        text = value.replace("$(DOLLAR)", "$")
        if key.startswith("My."):
            found[key[3:].lower()] = parse_value(text)
        else:
            found[attributes[key]] = text == "true" if key == "want_io_proxy" else text
    return found


def test_each_line_that_may_be_added_has_a_reason():
    for reason in REASONS.values():
        assert reason
        assert not reason.endswith(".")


def test_a_file_without_outputs_is_told_what_does_not_come_back_any_more():
    [note] = review([{**GOOD, "transferoutput": None}]).notes
    assert "such as new files beside the notebooks; list them there, or save them in the notebooks." in note
    [note] = review([{**GOOD, "transferoutput": "a"}]).notes
    assert "beside" not in note


def test_lines_that_can_not_be_added_are_named_with_their_reason():
    told = describe_missing(review([{**GOOD, "wantioproxy": None, "spoolonevict": None}]).additions, "s.sub")
    assert told.startswith("s.sub lacks `My.SpoolOnEvict = false` (else what an eviction brings back")
    assert "`want_io_proxy = true` (else" in told
    assert told.endswith(": write them there")
    assert describe_missing({}, "s.sub") == ""
