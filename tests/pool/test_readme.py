"""The README's commands, run as they are written, by a user who has nothing but what it asks for."""

import re
import shlex

import pytest

from support.hosts import ROOT, SHARED_IMAGE
from support.laptop import Laptop
from support.tunnel import Tunnel
from support.waiting import wait_for

README = (ROOT / "README.md").read_text()
LOGIN = "alice@ap"


def commands(title):
    """Return the commands of the blocks of code below a heading, for this user: prompts are no part of them."""
    section = README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [line.replace("USER@HOST", LOGIN) for line in lines]


def one(lines, start):
    """Return the one command that starts with these words."""
    (found,) = [line for line in lines if line.startswith(start)]
    return found


class Person(Laptop):
    """A user at the laptop who types whole commands, in the home folder or another one."""

    def type_in(self, command, host="laptop", folder="/home/alice"):
        done = self.pool.exec(host, ["sh", "-c", command], user=self.user, env=self.env, cwd=folder, timeout=300)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def leave_running(self, command):
        """Start a command of chtc-jupyter that stays; a comment is no part of it."""
        return self.run_on(*shlex.split(command, comments=True)[1:])


@pytest.fixture
def person(own_pool):
    person = Person(own_pool)
    yield person
    person.close()


@pytest.mark.timeout(600)
def test_commands_of_the_laptop(person):
    install, start, files = commands("Install it"), commands("Start a session"), commands("Copy files, and use VS Code")
    # What the test bed has done in its own way: the code, the command, and the image.
    assert [line.split()[0] for line in install] == ["git", "pipx", "apptainer", "chtc-jupyter"]
    assert "pipx install ./submit" in install
    assert "apptainer build jupyter.sif Apptainer.def" in install
    image = person.pool.path("ap", SHARED_IMAGE)
    person.pool.copy("laptop", image, "/home/alice/jupyter.sif", "alice")
    person.type_in(one(install, "chtc-jupyter image"))

    person.type_in(one(start, "chtc-jupyter config"))
    first = person.leave_running(one(start, "chtc-jupyter start"))
    assert person.answers(first.url())
    first.interrupt()
    first.wait_end()
    assert person.answers(person.leave_running(one(start, "chtc-jupyter connect")).url())
    assert re.search(r"^lab +\d+\.0 +ready", person.type_in(one(start, "chtc-jupyter list")), re.MULTILINE)
    person.type_in(one(start, "chtc-jupyter extend"))

    person.type_in("echo 1 >data.h5")
    person.type_in(one(files, "chtc-jupyter ssh-config"))
    assert person.type_in(one(files, "ssh")) == "ep1\n"
    assert person.type_in("ssh jupyter-lab 'echo $OMP_NUM_THREADS'") == "1\n"  # welcome.ipynb shows it as CPUs
    person.type_in(one(files, "chtc-jupyter cp"))

    person.type_in(one(start, "chtc-jupyter stop"))
    came_back = person.pool.path("ap", "/home/alice/jupyter/lab/notebooks/data.h5")
    wait_for(came_back.exists, 60, "the file to come back")
    assert came_back.read_text() == "1\n"


@pytest.mark.timeout(600)
def test_stock_commands_of_the_access_point(person):
    submit, state, line = commands("Or use stock HTCondor commands")
    folder = "/home/alice/stock"
    for source in ("jupyter.sub", "notebooks/welcome.ipynb"):
        person.pool.copy("ap", ROOT / "submit" / source, f"{folder}/{source}", "alice")
    person.pool.exec("ap", ["ln", SHARED_IMAGE, f"{folder}/jupyter.sif"], check=True)
    person.type_in(submit, "ap", folder)
    wait_for(lambda: person.type_in(state, "ap", folder) == "1.0 ready undefined\n", 120, "the session to be ready")
    tunnel = Tunnel(person.pool, "alice", person.type_in(line, "ap", folder).strip())
    try:
        assert person.answers(tunnel.url())
    finally:
        tunnel.close()


def put_image_and_submit_file(person, folder, without=""):
    lines = (ROOT / "submit/jupyter.sub").read_text().splitlines()
    text = "".join(f"{line}\n" for line in lines if not without or not line.startswith(without))
    person.pool.put("ap", f"{folder}/jupyter.sub", text.encode(), "alice")
    person.pool.exec("ap", ["ln", SHARED_IMAGE, f"{folder}/jupyter.sif"], check=True)


def test_image_and_submit_file_in_one_folder_are_all_that_the_stock_way_needs(person):
    submit, state, _ = commands("Or use stock HTCondor commands")
    folder = "/home/alice/bare"
    put_image_and_submit_file(person, folder)
    person.type_in(submit, "ap", folder)
    wait_for(lambda: "ready" in person.type_in(state, "ap", folder), 120, "the session to be ready")
    person.type_in("condor_rm -all", "ap", folder)
    receipt = person.pool.path("ap", f"{folder}/notebooks/.jupyter-session")
    wait_for(receipt.exists, 60, "the notebooks to come back")


@pytest.mark.slow
def test_without_its_folder_of_notebooks_the_job_is_held(person):
    submit, state, _ = commands("Or use stock HTCondor commands")
    folder = "/home/alice/bare"
    put_image_and_submit_file(person, folder, without="include")
    person.type_in(submit, "ap", folder)
    wait_for(lambda: "notebooks" in person.type_in(state, "ap", folder), 120, "the reason why the job is held")
