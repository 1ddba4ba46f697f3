#!/bin/sh
# jupyter_server 2.21.1: every answer to a request with a token in its Authorization header sets a login cookie, answers
# of the REST API and of static files, too. The name of the cookie is made from the request's Host header, so that one
# server gives login cookies under as many names as it is asked by. A reverse proxy that puts the token in thus hands a
# login to all of its clients, under names that it may not expect, unless it takes these cookies out again.
#
# Seen: `Set-Cookie: username-one-example-PORT` and `username-two-example-PORT` in answers of /api/status and of a static
# file for two Host headers; with the first as a cookie, and no token, /api/contents answers 200; with neither, 403.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jupyter_server==2.21.1 tornado==6.6.1
JUPYTER_CONFIG_DIR=$folder JUPYTER_DATA_DIR=$folder JUPYTER_RUNTIME_DIR=$folder/runtime
export JUPYTER_CONFIG_DIR JUPYTER_DATA_DIR JUPYTER_RUNTIME_DIR
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import http.client, json, pathlib, subprocess, sys, time

folder = pathlib.Path(sys.argv[1])
argv = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={folder}"]
argv += ["--IdentityProvider.token=secret", "--ServerApp.allow_remote_access=True"]
server = subprocess.Popen([sys.executable, "-m", "jupyter_server", *argv], stderr=subprocess.DEVNULL)


def ask(path, host, **fields):
    """Return the status, and the cookies that the answer sets, by their names."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    client.request("GET", path, headers={"Host": f"{host}:{port}", **fields})
    answer = client.getresponse()
    answer.read()
    given = [line.partition(";")[0].partition("=") for line in answer.headers.get_all("Set-Cookie", [])]
    return answer.status, {name: value for name, _, value in given}


try:
    deadline = time.monotonic() + 60
    while True:
        try:
            port = json.loads((folder / f"runtime/jpserver-{server.pid}.json").read_text())["port"]
            ask("/api", "one.example")
            break
        except (OSError, ValueError):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    token = {"Authorization": "token secret"}
    seen = {}
    for host in ("one.example", "two.example"):
        for path in ("/api/status", "/static/favicon.ico"):
            status, cookies = ask(path, host, **token)
            logins = [name for name in cookies if name.startswith("username-")]
            print(f"{host} {path}: {status}, sets {[name.replace(str(port), 'PORT') for name in logins]}")
            assert status == 200 and logins == [f"username-{host.replace('.', '-')}-{port}"]
            seen[host] = f"{logins[0]}={cookies[logins[0]]}"
    print("without anything:", ask("/api/contents", "one.example")[0])
    print("with the first cookie and no token:", ask("/api/contents", "one.example", Cookie=seen["one.example"])[0])
    assert ask("/api/contents", "one.example")[0] == 403
    assert ask("/api/contents", "one.example", Cookie=seen["one.example"])[0] == 200
finally:
    server.terminate()
    server.wait(30)
PYTHON
