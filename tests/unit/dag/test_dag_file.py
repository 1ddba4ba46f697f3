"""How a node's submit description and its variables are found in a DAG's files."""

import pytest

from dag_file import Node, read_nodes, select_node

FILES = {
    "vars.dag": """
# one submit file, several folders
JOB session lab.sub
vars session project="worms" mem = "8GB"
VARS ALL_NODES APPEND note="say \\"hi\\""
NODE other lab.sub DIR tidy
""",
    "inline.dag": """
SUBMIT-DESCRIPTION lab {
    container_image = jupyter.sif
}
JOB session lab
JOB end {
    executable = /bin/true
}
PARENT session CHILD end
""",
    "splice.dag": """
SPLICE lab inner.dag DIR work
INCLUDE common.dag
VARS lab+session mem="9GB"
""",
    "work/inner.dag": 'JOB session lab.sub DIR deep\nVARS session mem="8GB" cpus="2"\n',
    "common.dag": 'VARS clean x="1"\nJOB clean clean.sub\n',
    "round.dag": "INCLUDE round.dag\nJOB a a.sub\n",
}


def nodes_of(path, **options):
    return {node.name: node for node in read_nodes(path, FILES.__getitem__, **options)}


def test_variables_stand_before_the_description_or_behind_it():
    found = nodes_of("vars.dag")
    assert found["session"].before == {"project": "worms", "mem": "8GB"}
    assert found["session"].after == {"note": 'say "hi"'}
    assert found["other"] == Node("other", "lab.sub", "", "tidy", {}, {"note": 'say "hi"'})
    assert nodes_of("vars.dag", append=True)["session"].before == {}


def test_a_description_can_be_in_the_dag():
    found = nodes_of("inline.dag")
    assert found["session"].text == "    container_image = jupyter.sif\n"
    assert found["end"].text == "    executable = /bin/true\n"
    assert select_node(list(found.values()), "lab") == found["session"]
    assert select_node(list(found.values()), "end") == found["end"]


def test_a_splice_has_its_own_variables_and_those_of_its_dag():
    found = nodes_of("splice.dag")
    assert found["lab+session"] == Node("lab+session", "lab.sub", "", "work/deep", {"mem": "9GB", "cpus": "2"}, {})
    assert found["clean"].before == {"x": "1"}


def test_files_that_include_each_other_come_to_an_end():
    assert nodes_of("round.dag")["a"].file == "a.sub"


def test_the_node_is_found_by_its_name_or_its_description():
    found = list(nodes_of("vars.dag").values())
    assert select_node(found, "lab.sub", "session").before["project"] == "worms"
    assert select_node(found, "unknown.sub") == Node("", "unknown.sub", in_dag=False)
    assert select_node(found, "lab.sub", "unknown") == Node("unknown", "lab.sub", in_dag=False)
    with pytest.raises(ValueError, match=r"several nodes use lab\.sub: write \$JOB"):
        select_node(found, "lab.sub")
