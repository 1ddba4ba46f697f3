"""All that goes through the launcher's port arrives unchanged: large files, servers behind the proxy, WebSockets."""

import pytest

from support.waiting import wait_for

pytestmark = pytest.mark.slow

#: Uploads as JupyterLab does, in chunks, and prints the checksum of all.
UPLOAD = """
import base64, hashlib, http.client, json, os, sys, urllib.parse
url, chunks = urllib.parse.urlsplit(sys.stdin.read().strip()), int(sys.argv[1])
headers = {"Authorization": "token " + url.query.partition("token=")[2]}
connection, digest = http.client.HTTPConnection(url.hostname, url.port), hashlib.sha256()
for number in range(1, chunks + 1):
    data = os.urandom(1 << 20)
    digest.update(data)
    wanted = {"type": "file", "format": "base64", "content": base64.b64encode(data).decode(),
              "chunk": -1 if number == chunks else number}
    connection.request("PUT", "/api/contents/large.bin", json.dumps(wanted), headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 300:
        sys.exit(f"JupyterLab answered {answer.status}")
print(digest.hexdigest())
"""
#: Echoes what it gets, in an answer whose length isn't known before.
ECHO = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Set-Cookie", "app=1; Path=/")
        self.end_headers()
        for start in range(0, len(body), 70000):
            part = body[start : start + 70000]
            self.wfile.write(b"%x\\r\\n" % len(part) + part + b"\\r\\n")
        self.wfile.write(b"0\\r\\n\\r\\n")
http.server.ThreadingHTTPServer(("127.0.0.1", 8765), Handler).serve_forever()
"""


@pytest.mark.timeout(900)
def test_a_gigabyte_goes_up_and_comes_down_unchanged(new_laptop, pool):
    laptop = new_laptop()
    laptop.start("--disk", "8GB").url()
    sent = pool.exec(
        "laptop", ["python3", "-c", UPLOAD, "1024"], user="alice", input=laptop.at("/"), timeout=800, check=True
    ).stdout.strip()
    line = "curl -sS -m 400 -K - | sha256sum"
    got = pool.exec(
        "laptop", ["sh", "-c", line], user="alice", input=f'url = "{laptop.at("/files/large.bin")}"', timeout=500
    ).stdout.split()[0]
    assert got == sent


def test_server_behind_the_proxy_gets_and_gives_everything_and_keeps_its_cookies(new_laptop, pool):
    laptop = new_laptop()
    pool.put("ap", f"{laptop.folder}/notebooks/echo.py", ECHO.encode(), laptop.user)
    laptop.start().url()
    begin = "cd $_CONDOR_SCRATCH_DIR/notebooks && setsid -f python3 echo.py </dev/null >echo.log 2>&1"
    laptop.inside("sh", "-c", begin)
    address = laptop.at("/proxy/8765/")
    curl = "curl -sS -m 60 -H 'Content-Type: application/octet-stream' --data-binary @sent -D head -o got -K -"
    line = f"head -c 20000000 /dev/urandom >sent && {curl} && cmp sent got"

    def echoes():
        command = ["sh", "-c", f"cd {laptop.home} && {line} && grep -i ^set-cookie: head"]
        done = pool.exec("laptop", command, user="alice", input=f'url = "{address}"', timeout=120)
        return done.stdout if done.returncode == 0 else ""

    cookies = wait_for(echoes, 60, "the server behind the proxy to echo")
    assert "app=1" in cookies
    assert "username-" not in cookies


def test_one_hundred_requests_at_once_are_all_answered(new_laptop, pool):
    laptop = new_laptop()
    laptop.start().url()
    many = "seq 100 | xargs -P 100 -I N curl -sS -m 60 -o /dev/null -w '%{http_code}\\n' -K config"
    command = ["sh", "-c", f"cd {laptop.home} && cat >config && {many}"]
    address = laptop.at("/api/status")
    done = pool.exec("laptop", command, user="alice", input=f'url = "{address}"', timeout=200)
    assert done.stdout.split() == ["200"] * 100, (done.stdout, done.stderr)
