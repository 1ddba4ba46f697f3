"""A container whose namespaces belong to root, as a setuid Apptainer makes them: the kernel lets its user not enter.

Debian has no setuid Apptainer, so its namespaces are made here, around a program that stands for the session.
"""

import pytest

from chtc_jupyter.ssh import entry
from support.hosts import background
from support.other_users import as_user

#: Puts a session's command where the image has it, and becomes a program of the user, after more words.
MAKE = (
    "cd /; mount -t tmpfs none /usr/local/bin; ln -s /bin/true /usr/local/bin/jupyter-session; "
    "exec {} sh -c 'echo $$; exec sleep 600'"
)
USER = "slot1_30"
BECOME = f"setpriv --reuid={USER} --clear-groups"


@pytest.mark.parametrize("owner", ["root", "the user"])
def test_commands_on_the_machine_enter_a_container_only_if_its_namespaces_are_the_users(pool, owner):
    if owner == "root":
        make = ["unshare", "-m", "sh", "-c", MAKE.format(BECOME)]
    else:  # as an Apptainer that isn't setuid does
        make = [*BECOME.split(), "unshare", "-U", "-r", "-m", "sh", "-c", MAKE.format("")]
    with background(pool, "ep1", make) as container:
        pid = container.stdout.readline().strip()
        assert pid.isdigit()
        words = ["env", f"_CONDOR_JOB_PIDS={pid}", "sh", "-c", f"{entry.INTO_SESSION}; echo [ $* ]"]
        said = as_user(pool, "ep1", USER, words).stdout
    entered = f"[ nsenter -U --preserve-credentials -m -r -w -t {pid} /usr/local/bin/jupyter-session ]\n"
    assert said == ("[ ]\n" if owner == "root" else entered)
