"""Why a job is not running, from what condor_q -better-analyze, its ad and the pool's slots say."""

from dataclasses import replace

import pytest

from chtc_jupyter.condor import match_analysis
from chtc_jupyter.condor.match_analysis import Amounts, Slot

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
      2 slots are rejected by your job's requirements
      {unwilling} slots reject your job because of their own requirements
      {willing} slots match and are willing to run your job
"""
GB = 1024


def slot(machine, *, memory=32 * GB, cpus=16, gpus=0, gpu_memory=0, disk=100 * GB, accepts=True, free=1.0):
    whole = Amounts(memory, cpus, gpus, disk, gpu_memory)
    now = Amounts(memory * free, cpus * free, gpus * free, disk * free, gpu_memory if free else 0)
    return Slot(machine, accepts, whole, now)


POOL = [
    slot("big", memory=512 * GB, cpus=64),
    slot("gpu1", memory=128 * GB, cpus=32, gpus=4, gpu_memory=40 * GB),
    slot("gpu2", memory=64 * GB, gpus=1, gpu_memory=80 * GB),
]
BUSY = [slot(f"gpu{n}", gpus=4, gpu_memory=40 * GB, memory=64 * GB, free=0.25) for n in (1, 2, 3)]


def told(asked, pool=POOL, *, unmet="", willing=0, unwilling=0, last=""):
    text = HEAD + (f"[7]           0  {unmet}\n" if unmet else "") + TAIL.format(willing=willing, unwilling=unwilling)
    return match_analysis.explain(match_analysis.parse_analysis(text), asked, pool, last)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (Amounts(memory=1024 * GB),
         "no machine in this pool has 1024GB of memory: the most is 512GB, so ask for --memory 512GB or less"),
        (Amounts(cpus=65), "no machine in this pool has 65 CPUs: the most is 64, so ask for --cpus 64 or less"),
        (Amounts(gpus=9), "no machine in this pool has 9 GPUs: the most is 4, so ask for --gpus 4 or less"),
        (Amounts(gpus=1, gpu_memory=200 * GB),
         ("no machine in this pool has a GPU with 200GB of memory: the most is 80GB, "
          "so ask for --gpu-memory 80GB or less")),
        (Amounts(disk=1024 * GB),
         "no machine in this pool has 1024GB of disk: the most is 100GB, so ask for --disk 100GB or less"),
        (Amounts(gpus=4, gpu_memory=80 * GB),
         "no machine in this pool has 4 GPUs with 80GB of memory at once, so ask for --gpu-memory 40GB or less"),
        (Amounts(gpus=4, gpu_memory=40 * GB, memory=256 * GB),
         ("no machine in this pool has 256GB of memory and 4 GPUs with 40GB of memory at once, "
          "so ask for --memory 128GB or less")),
        (Amounts(cpus=100, memory=1024 * GB),
         "no machine in this pool has 1024GB of memory (the most is 512GB) or 100 CPUs (the most is 64): ask for less"),
        (Amounts(cpus=64, gpus=4, memory=512 * GB),
         "no machine in this pool has 512GB of memory and 64 CPUs and 4 GPUs at once, so ask for less"),
    ],
)  # fmt: skip
def test_request_that_no_machine_can_meet_is_told_with_the_nearest_that_one_can(asked, sentence):
    assert told(asked) == sentence


def test_machines_that_would_fit_but_are_busy_are_counted_with_what_could_start_now():
    assert told(Amounts(gpus=1, memory=32 * GB), BUSY) == (
        "3 machines could run it but are busy; with --memory 16GB, it could start now"
    )
    assert told(Amounts(gpus=4), BUSY[:1]) == "1 machine could run it but is busy; with --gpus 1, it could start now"
    assert told(Amounts(gpus=4, memory=60 * GB), BUSY) == "3 machines could run it but are busy"
    full = [slot("gpu1", gpus=1, gpu_memory=40 * GB, free=0)]
    assert told(Amounts(gpus=1), full) == "1 machine could run it but is busy"


def test_machines_that_take_no_job_like_this_are_told_apart_from_busy_ones():
    drained = [slot("a", accepts=False), slot("b", accepts=False)]
    assert told(Amounts(cpus=1), drained) == "2 machines could run it but do not accept such jobs now"
    assert told(Amounts(cpus=1), POOL, unwilling=3) == "3 machines could run it but do not accept such jobs now"
    assert told(Amounts(cpus=1), [*drained, slot("c", free=0)]) == "1 machine could run it but is busy"


def test_condition_of_the_users_own_is_named_as_it_is():
    assert told(Amounts(), unmet='TARGET.Arch == "X86_64"').endswith('the condition TARGET.Arch == "X86_64"')
    assert told(Amounts(), unmet="HasFoo") == "no machine in this pool meets the condition HasFoo"
    assert told(Amounts(), unmet="TARGET.HasSIF").startswith("no machine in this pool runs container images")
    both = told(Amounts(cpus=99), unmet="HasFoo")
    assert both.endswith("--cpus 64 or less; no machine in this pool meets the condition HasFoo")
    assert told(Amounts(cpus=1), BUSY, unmet="TARGET.Memory >= RequestMemory", willing=1).startswith("1 machine")


def test_machines_that_are_free_are_waited_for_and_a_limit_is_named():
    assert told(Amounts(), willing=2) == "2 machines can run it: waiting for its turn"
    assert told(Amounts(), willing=2, last="concurrency limit reached").endswith(
        "(HTCondor reports: concurrency limit reached)"
    )
    assert told(Amounts()) == told(Amounts(), None) == "HTCondor has not considered it yet"
    assert told(Amounts(), None, last="no match found.") == "HTCondor reports: no match found"


def test_pool_without_any_machine_is_said_to_be_one():
    for unmet in ("", 'TARGET.Arch == "X86_64"'):
        assert told(Amounts(memory=1), [], unmet=unmet).startswith("the pool shows no machine at all")


def test_pool_without_a_machine_of_the_images_kind_is_named_with_what_there_is():
    found = match_analysis.parse_analysis(HEAD + '[7]           0  TARGET.Arch == "aarch64"\n')
    pool = [replace(one, arch="X86_64") for one in POOL]
    assert match_analysis.explain(found, Amounts(), pool, archs=["aarch64"]) == (
        "no machine in this pool is of the kind aarch64, for which the image is: they are X86_64. Use an image for "
        "these, or another pool"
    )
    arm = replace(slot("spark", memory=120 * GB, gpus=1), arch="aarch64")
    assert "120GB" in match_analysis.explain(found, Amounts(memory=256 * GB), [*pool, arm], archs=["aarch64"])
    assert match_analysis.list_fitting_machines(Amounts(gpus=1), [*pool, arm], ["AARCH64"]) == ["spark"]


OLD = """
The Requirements expression for job 12.000 reduces to these conditions:

         Slots
Step    Matched  Condition
-----  --------  ---------
[0]           9  TARGET.OpSys == "LINUX"

012.000:  Run analysis summary.  Of 9 machines,
      0 are rejected by your job's requirements
      9 reject your job because of their own requirements
      0 match and are already running your jobs
      0 match but are serving other users
      {} are available to run your job
"""


def test_analysis_of_an_older_htcondor_is_understood():
    found = match_analysis.parse_analysis(OLD.format(3))
    assert found.counts == {"unwilling": 9, "willing": 3}
    said = match_analysis.explain(match_analysis.parse_analysis(OLD.format(0)), Amounts(gpus=1), POOL[1:])
    assert said == "2 machines could run it but do not accept such jobs now"


def test_slots_are_read_as_condor_status_prints_them():
    text = (
        "ep1 true X86_64 28000 14 4 65019283.0 26464 13 4 60922131 47661\n"
        "ep1 false aarch64 4000 2 0 15754820.0 4000 2 0 15754820 0\n"
        "ep2 undefined ? 4000 2 0 1024 error undefined 0 0 error\n\nodd\n"
    )
    first, second, third = match_analysis.parse_slots(text)
    assert (first.machine, first.accepts, first.whole.memory, first.free.cpus) == ("ep1", True, 28000, 13)
    assert (first.whole.gpu_memory, first.free.gpu_memory, second.accepts) == (47661, 47661, False)
    assert (third.accepts, third.whole.disk, third.free) == (True, 1, Amounts())
    assert match_analysis.parse_slots("") == []


def test_what_a_job_asks_for_is_read_from_its_ad_and_an_expression_is_nothing():
    ad = {"RequestMemory": 1500, "RequestCpus": "ifThenElse(x, 1, 2)", "RequestDisk": 2048, "GPUsMinMemory": 20480}
    assert match_analysis.read_request(ad) == Amounts(memory=1500, disk=2, gpu_memory=20480)


@pytest.mark.parametrize(
    ("manager", "machines", "older"),
    [
        (["23.9.6"], ["25.14.1", "25.14.1"], True),
        (["23.9.6"], ["25.14.1", "23.9.6"], False),  # some can be understood
        (["25.14.0"], ["25.14.1"], False),
        (["25.14.1"], ["23.9.6"], False),
        (["9.0.17"], ["10.0.1"], True),
        ([], ["25.14.1"], False),
        (["23.9.6"], [], False),
    ],
)
def test_central_manager_that_is_older_than_all_machines_is_named(manager, machines, older):
    texts = ["".join(f"$CondorVersion: {number} 2026-07-12 $\n" for number in some) for some in (manager, machines)]
    said = match_analysis.describe_older_manager(*texts)
    assert bool(said) is older
    if older:
        assert said.startswith(f"the pool's central manager has HTCondor {manager[0]}, which is older")


@pytest.mark.parametrize(
    ("error", "last", "said"),
    [
        ("", "", ""),
        ("", "no match found", "HTCondor reports: no match found"),
        ("no ads.", "", "`condor_q -better-analyze` on the access point fails (no ads)"),
        ("no ads", "x.", "HTCondor reports: x; `condor_q -better-analyze` on the access point fails (no ads)"),
    ],
)
def test_what_is_known_is_said_where_htcondor_does_not_analyze(error, last, said):
    assert match_analysis.describe_no_analysis(error, last) == said
