"""What came along from the shell that submitted the job: the session doesn't care (report R20)."""

import json
import secrets

import pytest

from support.waiting import wait_for

pytestmark = pytest.mark.slow

#: A shell with a module of Python, of a hub's terminal, and a virtual environment.
SHELL = (
    "PYTHONHOME=/cvmfs/soft.example.org/python/3.9",
    "PYTHONPATH=/cvmfs/soft.example.org/python/3.9/site-packages:/home/alice/lib/python",
    "PYTHONSTARTUP=/home/alice/.pythonrc",
    "PYTHONNOUSERSITE=",
    "VIRTUAL_ENV=/home/alice/env",
    "CONDA_PREFIX=/home/alice/miniconda3",
    "CONDA_DEFAULT_ENV=base",
    "JUPYTER_TOKEN=from-the-hub",
    "JUPYTER_CONFIG_DIR=/home/alice/.jupyter",
    "JUPYTER_DATA_DIR=/srv/old",
    "JUPYTER_PORT=1",
    "JUPYTER_GATEWAY_URL=http://gateway.example.org:8888",
    "JUPYTERHUB_API_TOKEN=x",
    "JUPYTERHUB_SERVICE_PREFIX=/user/alice/",
    "JPY_PARENT_PID=1",
    "TMUX=/run/user/4711/tmux,1,0",
    "TMUX_TMPDIR=/run/user/4711",
    "TMPDIR=/local/scratch/4711",
    "XDG_RUNTIME_DIR=/run/user/4711",
    "XDG_DATA_HOME=/srv/none",
    "LC_ALL=de_DE.UTF-8",
    "LD_PRELOAD=/usr/lib64/libsite.so",
    "LD_LIBRARY_PATH=/usr/lib64/site",
    "BASH_ENV=/home/alice/.bash_env",
    "SHELL=/bin/tcsh",
    "PIP_REQUIRE_VIRTUALENV=1",
    "HTTP_PROXY=http://proxy.example.edu:3128",
    "http_proxy=http://proxy.example.edu:3128",
    "SSL_CERT_FILE=/etc/pki/site.pem",
    "MPLBACKEND=TkAgg",
    "SHELLOPTS=braceexpand:xtrace",
    "BASH_FUNC_module%%=() {  eval nothing\n}",
)
#: Each of these alone kept a session from being ready, or its kernels from starting.
HARMFUL = (
    "PYTHONHOME=/cvmfs/x",
    "JUPYTER_TOKEN=from-the-hub",
    "LD_PRELOAD=/usr/lib64/libsite.so",
    "PYTHONWARNINGS=error",
    "PYTHONHASHSEED=many",
    "LD_LIBRARY_PATH=notebooks/lib",
    "SSL_CERT_FILE=/etc/pki/site.pem",
    "HOME=/nonexistent",
    "PATH=/cvmfs/bin",
)
#: Odd, but well.
ODD = (
    *("PYTHONOPTIMIZE=2", "PYTHONSAFEPATH=1", "PYTHONIOENCODING=ascii", "PYTHONUSERBASE=/nonexistent", "PYTHONUTF8=0"),
    *("LC_CTYPE=xx_XX.UTF-8", "LANGUAGE=de", "TZ=Nowhere/Land", "TERM=xterm-kitty", "COLUMNS=1", "POSIXLY_CORRECT=1"),
    *("IPYTHONDIR=/nonexistent", "JUPYTER_CONFIG_PATH=/nonexistent", "JUPYTERLAB_DIR=/nonexistent", "PIP_USER=1"),
    *("PROMPT_COMMAND=exit", "BASH_XTRACEFD=9", "SSLKEYLOGFILE=/nonexistent/keys", "GIT_DIR=/nonexistent", "USER="),
)
#: Runs in the job: has a kernel run a cell, and prints what that printed.
ASK = """
import glob, sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=glob.glob(f"/tmp/jupyter-session-*/runtime/kernel-{sys.argv[1]}.json")[0])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=40)
client.execute_interactive(sys.argv[2], timeout=40)
"""


def ask(session, code):
    """Run a cell in a new kernel; return what it printed."""
    kernel = session.start_kernel()
    return session.inside("/opt/jupyter/bin/python", "-I", "-c", ASK, kernel, code)


def assert_works(session):
    """Assert that the session is ready, and that a kernel, tmux, and the commands work."""
    session.ready()
    said = ask(session, "import os, sys; print(6 * 7, os.environ.get('LD_PRELOAD'), os.environ['SHELL'])")
    assert said == "42 None /bin/bash\n"
    mark = secrets.token_hex(4)
    session.inside(
        "/usr/local/bin/tmux", "send-keys", "-t", "jupyter:shell", f"python3 -c 'print(6*7)' > {mark} 2>&1", "Enter"
    )
    wait_for(lambda: session.file(f"notebooks/{mark}") == "42\n", 60, lambda: str(session.file(f"notebooks/{mark}")))
    assert json.loads(session.inside("/usr/local/bin/jupyter-session", "status", "--json"))["state"] == "ready"
    assert json.loads(session.request("/api/terminals", "POST", "{}"))["name"]


def test_a_session_takes_no_harm_from_a_whole_shell(new_session):
    session = new_session().submit("", "getenv = true", shell=SHELL)
    assert_works(session)


@pytest.mark.slow
@pytest.mark.parametrize("variable", HARMFUL, ids=lambda variable: variable.partition("=")[0])
def test_a_session_takes_no_harm_from_a_variable(new_session, variable):
    session = new_session().submit("", f'environment = "{variable}"')
    assert_works(session)


def test_a_session_takes_no_harm_from_odd_settings(new_session):
    session = new_session().submit("", f'environment = "{" ".join(ODD)}"')
    assert_works(session)


def test_settings_of_another_server_change_neither_address_nor_token(new_session):
    session = new_session()
    settings = {
        "ServerApp": {"base_url": "/other/", "port": 1, "ip": "::1", "certfile": "/none.pem", "token": "theirs"},
        "IdentityProvider": {"token": "theirs"},
        "PasswordIdentityProvider": {"hashed_password": "sha1:a:b"},
        "GatewayClient": {"url": "http://gateway.example.org"},
    }
    folder = f"{session.folder}/notebooks/.jupyter"
    for name in ("jupyter_config.json", "jupyter_server_config.json", "jupyter_lab_config.json"):
        session.pool.put("ap", f"{folder}/{name}", json.dumps(settings).encode(), "alice")
    session.submit("", 'environment = "JUPYTER_CONFIG_DIR=.jupyter"')
    assert_works(session)


def test_kernels_have_what_the_user_wants_there(new_session):
    session = new_session()
    session.pool.put("ap", f"{session.folder}/notebooks/own/mine.py", b"WHO = 'mine'\n", "alice")
    session.pool.put(
        "ap", f"{session.folder}/notebooks/own/jupyterlab.py", b"raise SystemExit('not for the server')\n", "alice"
    )
    session.submit("", 'environment = "PYTHONPATH=own MY_DATA=/staging/alice"')
    session.ready()
    assert ask(session, "import mine, os; print(mine.WHO, os.environ['MY_DATA'])") == "mine /staging/alice\n"
