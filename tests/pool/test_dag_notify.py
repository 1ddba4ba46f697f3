"""A user is told: by a command of theirs, and by HTCondor's own mail where the submit file asks for it."""

import pytest

from support.dags import DagSession
from support.hosts import place_image
from support.waiting import wait_for

#: A start can take minutes where the machine is busy.
pytestmark = pytest.mark.timeout(900)

NOTIFY = b'#!/bin/sh\nprintf "%s|%s\\n" "$1" "$2" >>told\n'
MAILER = b'#!/bin/sh\n{ printf "%s " "$@"; cat; } >>/tmp/mails\n'


@pytest.mark.slow
def test_a_command_of_the_users_is_run_when_the_session_is_ready_and_when_it_ends(new_dag):
    dag = new_dag()
    dag.pool.put("ap", f"{dag.folder}/notify", NOTIFY, dag.user, 0o755)
    dag.submit_dag().wait_session()
    dag.wait_told("ready")
    wait_for(lambda: dag.file("told"), 30, "the command to be told")
    dag.inside("jupyter-session", "stop")
    assert dag.wait_dag_gone() == 0
    told = (dag.file("told") or "").splitlines()
    assert [line.partition("|")[0] for line in told] == ["ready", "ended"]
    assert f"condor_q {dag.job} -af JupyterConnect" in told[0]


@pytest.mark.slow
def test_htcondors_own_mail_is_sent_when_the_session_is_ready_and_when_it_ends(own_pool):
    own_pool.put("ap", "/usr/local/bin/mailer", MAILER, mode=0o755)
    own_pool.put("ap", "/tmp/mails", b"", mode=0o666)
    own_pool.put("ap", "/etc/condor/config.d/70-mail", b"MAIL = /usr/local/bin/mailer\n")
    own_pool.exec("ap", ["condor_reconfig"], check=True)
    place_image(own_pool)
    dag = DagSession(own_pool).submit_dag("", "notification = Complete", "notify_user = alice@example.org")
    dag.wait_session()

    def mails():
        return own_pool.exec("ap", ["cat", "/tmp/mails"]).stdout

    wait_for(lambda: "JupyterLab is ready" in mails(), 180, lambda: f"the first mail: {dag.history()}")
    assert f"-s [HTCondor] Job {dag.job}: JupyterLab is ready alice@example.org" in mails()
    dag.wait_session().ready()
    dag.inside("jupyter-session", "stop")
    assert dag.wait_dag_gone() == 0
    wait_for(lambda: mails().count("alice@example.org") >= 2, 60, lambda: f"the second mail: {mails()}")
    assert "exited normally with status 0" in mails()
