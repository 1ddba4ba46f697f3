"""The submit description: what is typed is right in it, or refused."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chtc_jupyter.commands.start import StartOptions, validate_options
from chtc_jupyter.condor import submit
from chtc_jupyter.errors import UsageError

STOCK = Path(__file__).parents[3] / "submit/jupyter.sub"
REQUEST = submit.Request(name="lab", folder="/home/a/jupyter/lab", notebooks="/home/a/my work", image="/home/a/x.sif")


def lines(**asked):
    return submit.build_description(dataclasses.replace(REQUEST, **asked))


def test_description_is_the_stock_submit_file_with_what_was_asked_for():
    stock = [line.partition("=") for line in STOCK.read_text().splitlines() if line[:1] != "#"]
    expected = {key.strip(): value.strip() for key, equals, value in stock if equals}
    here = {"container_image", "transfer_input_files", "transfer_output_files", "log", "output", "error"}
    here.add("requirements")  # the launcher looks at the image instead
    found = lines()
    assert {key: found[key] for key in expected if key not in here} == {
        key: value for key, value in expected.items() if key not in here
    }


def test_notebooks_go_in_and_come_back_beside_their_own_folder():
    found = lines()
    assert found["initialdir"] == "/home/a"
    assert found["transfer_input_files"] == found["transfer_output_files"] == "my work"
    assert found["arguments"] == "\"--notebooks 'my work'\""
    assert found["log"] == "/home/a/jupyter/lab/jupyter-$(Cluster).log"


@pytest.mark.parametrize(
    ("asked", "key", "value"),
    [
        ({"gpus": 2}, "request_gpus", "2"),
        ({"gpu_memory": "20GB"}, "gpus_minimum_memory", "20GB"),
        ({"gpu_memory": "20GB"}, "request_gpus", "1"),
        ({"cpus": 8}, "request_cpus", "8"),
        ({"memory": "16 GB"}, "request_memory", "16 GB"),
        ({"disk": "20GB"}, "request_disk", "20GB"),
        ({"idle_timeout": "1h30m", "notebooks": "/a/notebooks"}, "arguments", '"--idle-timeout 1h30m"'),
        ({"max_runtime": "2d", "notebooks": "/a/notebooks"}, "arguments", '"--max-runtime 2d"'),
        ({"settings": ["request_memory=1GB", "+Foo = $(Cluster)"]}, "request_memory", "1GB"),
        ({"settings": ["request_memory=1GB", "+Foo = $(Cluster)"]}, "+Foo", "$(Cluster)"),
        ({}, "My.JupyterName", '"lab"'),
    ],
)
def test_what_is_asked_for_is_in_the_description(asked, key, value):
    assert lines(**asked)[key] == value


@pytest.mark.parametrize(
    "asked",
    [
        {"memory": "lots"},
        {"memory": "1GB\nqueue 5"},
        {"idle_timeout": "soon"},
        {"idle_timeout": "1h; rm"},
        {"settings": ["no equals sign"]},
        {"settings": ["a b = c"]},
        {"settings": ["queue = 5"]},
        {"settings": ["LOG = /tmp/x"]},
        {"settings": ["a = b\nqueue"]},
        {"settings": ["a = b\\"]},
    ],
)
def test_what_can_not_be_right_is_refused(asked):
    with pytest.raises(UsageError):
        lines(**asked)


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("Transfer_Output_Files = results", "transfer_output_files", "my work, results"),
        ('My.TransferOutput = "results"', "transfer_output_files", "my work, results"),
        ("transfer_output_files = my work", "transfer_output_files", "my work"),
        ("TransferInput = data.csv", "transfer_input_files", "my work, data.csv"),
        ("WANT_IO_PROXY = True", "want_io_proxy", "True"),
        ("output = a", "output", "a"),
        ("stderr = b", "error", "b"),
        ("Periodic_Hold = false", "periodic_hold", "false"),
        ('transfer_output_remaps = "results/a = a"', "transfer_output_remaps", '"results/a = a"'),
    ],
)
def test_a_key_by_any_name_is_one_line_that_keeps_the_notebooks(setting, key, value):
    found = lines(settings=[setting])
    assert found[key] == value
    assert len({name.lower() for name in found}) == len(found)


@pytest.mark.parametrize("name", ["My.WantRemoteUpdates", "+wantremoteupdates", "WantRemoteUpdates"])
def test_a_session_can_do_without_access_to_files(name):
    found = lines(settings=["want_io_proxy = false", f"{name} = true"])
    assert (found["want_io_proxy"], found["My.WantRemoteUpdates"]) == ("false", "true")


def test_of_two_settings_with_one_key_the_last_counts():
    found = lines(settings=["request_memory = 1GB", "+Foo = 1", "RequestMemory = 2GB", "MY.foo = 2"])
    assert (found["request_memory"], found["MY.foo"], "+Foo" in found) == ("2GB", "2", False)


@pytest.mark.parametrize(
    "setting",
    [
        "Want_IO_Proxy = false",
        "+WantIOProxy = false",
        "+WantIOProxy = Foo",
        "My.WantRemoteUpdates = false",
        "spoolonevict = true",
        "MY.SpoolOnEvict = true",
        "ShouldTransferFiles = NO",
        "WhenToTransferOutput = ON_EXIT",
        "output_destination = s3://x/y",
        'transfer_output_remaps = "my work = x"',
        "arguments = --idle-timeout 1h",
        "executable = x",
        "Cmd = x",
        "queue_ = 5",
        "JupyterName = x",
        "my.jupytername = x",
        "hold = True",
        "noop_job = true",
        "deferral_time = 5",
        "periodic_remove = true",
        "allowed_job_duration = 5",
        "skip_if_dataflow = true",
        "on_exit_remove = false",
    ],
)
def test_what_takes_the_notebooks_away_is_refused(setting):
    with pytest.raises(UsageError):
        lines(settings=[setting])


@pytest.mark.parametrize("setting", ['environment = "JUPYTER_SESSION_NOTEBOOKS=x"', '+JupyterNotebooks = "x"'])
def test_a_folder_that_the_job_does_not_bring_back_is_refused(setting):
    with pytest.raises(UsageError, match="'x', but the notebooks are in 'notebooks'"):
        lines(notebooks="/home/a/notebooks", settings=[setting])


@pytest.mark.parametrize("path", ["-x", "a,b", "a\nb", "a'b", 'a"b', "$(HOME)/x", "a;b", "a|b", " a", "a*"])
def test_paths_that_a_list_of_htcondor_can_not_hold_are_refused(path):
    for field in ("notebooks", "image"):
        options = StartOptions(request=dataclasses.replace(REQUEST, **{field: path}))
        with pytest.raises(UsageError):
            validate_options(options)


@pytest.mark.parametrize("name", ["", "-x", "a b", "../x", "a/b", "a\n", "ä", "x" * 42])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(UsageError):
        submit.validate_name(name)


@given(st.text())
def test_any_value_is_one_line_that_says_the_same_or_is_refused(text):
    try:
        written = submit.quote_value(text)
    except UsageError:
        return
    assert written.splitlines() in ([written], [])
    assert written.replace("$(DOLLAR)", "$") == text
    assert "$" not in written.replace("$(DOLLAR)", "")


@given(st.lists(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")))))
def test_arguments_are_the_same_words_for_htcondor(words):
    try:
        written = submit.quote_arguments(words)
    except UsageError:
        return
    assert parse_arguments(written) == words


def parse_arguments(text):
    """Read HTCondor's new syntax, as its manual has it."""
    inner = text[1:-1].replace('""', "\0").replace("$(DOLLAR)", "$")
    assert '"' not in inner
    inner = inner.replace("\0", '"')
    words, word, quoted, position = [], None, False, 0
    while position < len(inner):
        char = inner[position]
        if char == "'" and quoted and inner[position + 1 : position + 2] == "'":
            word, position = (word or "") + "'", position + 1
        elif char == "'":
            word, quoted = word or "", not quoted
        elif char == " " and not quoted:
            words, word = (words if word is None else [*words, word]), None
        else:
            word = (word or "") + char
        position += 1
    return words if word is None else [*words, word]


def test_inputs_go_along_and_do_not_come_back():
    found = lines(inputs=["/data/cells.h5", "/data/images/", "osdf:///pool/far.tar", "/data/two words.csv"])
    assert found["transfer_input_files"] == (
        "my work, /data/cells.h5, /data/images, osdf:///pool/far.tar, /data/two words.csv"
    )
    assert found["transfer_output_files"] == "my work"


def test_inputs_are_added_to_those_that_were_set():
    found = lines(inputs=["/data/b"], settings=["Transfer_Input_Files = my work, /data/a"])
    assert found["transfer_input_files"] == "my work, /data/a, /data/b"


@pytest.mark.parametrize(
    "inputs",
    [
        ["/a,b"],
        ["/a/x.csv", "/b/x.csv"],
        ["/a/my work"],
        ["/a/x.sif"],
        ["/"],
        ["-x"],
        ["/a/*.csv"],
        ["osdf:///a b"],
        ["osdf:///a,b"],
        ["osdf:///folder/"],
        ["/a\nqueue 100"],
        ["https://host/a\nqueue"],
        ["$(x)"],
    ],
)
def test_input_that_htcondor_would_not_take_for_one_is_refused(inputs):
    with pytest.raises(UsageError):
        lines(inputs=inputs)
