"""Why a job is not running, from what condor_q -better-analyze prints."""

import pytest

from chtc_jupyter import why

HEAD = """
-- Schedd: ap : <10.77.0.10:9618?...
The Requirements expression for job 5.000 reduces to these conditions:

        Slots
Step   Matched  Condition
----- --------- ---------
[0]           2  TARGET.Arch == "X86_64"
[1]           2  TARGET.OpSys == "LINUX"
"""
TAIL = """

005.000:  Run analysis summary ignoring user priority.  Of 2 slots on 1 machines,
      {rejected} slots are rejected by your job's requirements
      {unwilling} slots reject your job because of their own requirements
      {willing} slots match and are willing to run your job
"""
NONE = TAIL.format(rejected=2, unwilling=0, willing=0)
MOST = why.Slots(memory=28000, cpus=14, gpus=4, gpu_memory=47661)


def told(condition, ad=None, tail=NONE, most=MOST):
    text = HEAD + (f"[7]           0  {condition}\n" if condition else "") + tail
    return why.explain(why.analysis(text), ad or {}, most)


@pytest.mark.parametrize(
    ("condition", "ad", "sentence"),
    [
        ("TARGET.Memory >= RequestMemory", {"RequestMemory": 102400},
         "no machine here has 100GB of memory: the most is 27GB, so ask for --memory 27GB or less"),
        ("TARGET.Memory >= RequestMemory", {"RequestMemory": 20480}, "the machines with 20GB of memory are busy"),
        ("TARGET.Cpus >= RequestCpus", {"RequestCpus": 15},
         "no machine here has 15 CPUs: the most is 14, so ask for --cpus 14 or less"),
        ("TARGET.GPUs >= RequestGPUs", {"RequestGPUs": 9},
         "no machine here has 9 GPUs: the most is 4, so ask for --gpus 4 or less"),
        ("countMatches(MY.RequireGPUs,TARGET.AvailableGPUs) >= RequestGPUs",
         {"RequestGPUs": 1, "GPUsMinMemory": 204800},
         "no machine here has a GPU with 200GB of memory: the most is 46GB, so ask for --gpu-memory 46GB or less"),
        ("TARGET.Disk >= RequestDisk", {"RequestDisk": 1}, "no machine has so much disk free now"),
        ("HasFoo", {}, "no machine meets the condition HasFoo"),
        ("TARGET.Memory >= RequestMemory", {"RequestMemory": "x"}, "no machine has 0GB of memory free now"),
    ],
)  # fmt: skip
def test_condition_that_no_slot_meets_is_named_with_what_would_fit(condition, ad, sentence):
    assert told(condition, ad) == sentence


def test_machines_that_would_fit_are_counted():
    assert told("", tail=TAIL.format(rejected=1, unwilling=0, willing=1)).startswith("1 machine would fit")
    assert told("", tail=TAIL.format(rejected=0, unwilling=3, willing=0)).startswith("3 machines would fit, but")
    busy = "      0 slots match and are willing\n      3 slots match and are already running your jobs\n"
    assert told("", tail=busy) == "3 machines would fit but are busy"
    assert told("", tail="") == "HTCondor has not looked at it yet"


def test_most_of_all_slots_is_found():
    assert why.slots("28000 14 4 47661\n4000 2 0 0\nundefined 1 2 3\n") == MOST
    assert why.slots("") == why.Slots()
