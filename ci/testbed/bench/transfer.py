"""Measure how fast a large file gets into a session: by HTCondor's file transfer, Lab's upload, and ssh."""

from __future__ import annotations

import os
import re
import time
from datetime import datetime

from testbed import demo
from testbed.artifacts import image
from testbed.bench import figures, stock_session
from testbed.host.errors import UserError, say
from testbed.host.waiting import wait
from testbed.pool import boot
from testbed.pool.pool import Pool

#: Size of the file in MB: for HTCondor, whose log has whole seconds, and for the others.
LARGE, SMALL = 2000, 256
UPLOAD = """
import base64, http.client, json, os, sys, urllib.parse
url, size = urllib.parse.urlsplit(sys.stdin.read().strip()), int(sys.argv[1])
headers = {"Authorization": "token " + url.query.partition("token=")[2]}
connection = http.client.HTTPConnection(url.hostname, url.port)
chunk = base64.b64encode(os.urandom(1 << 20)).decode()
for number in range(1, size + 1):
    wanted = {"type": "file", "format": "base64", "content": chunk, "chunk": -1 if number == size else number}
    connection.request("PUT", "/api/contents/upload.bin", json.dumps(wanted), headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 300:
        sys.exit(f"Lab answered {answer.status}")
"""


def main() -> int:
    """Measure on a pool of its own and print MB/s of each way."""
    sif = image.build().path / "jupyter.sif"
    pool = Pool(f"bench-{os.getpid()}")
    boot.up(pool, owner=os.getpid())
    try:
        inwards, outwards = _by_condor(pool)
        scp = _by_scp(pool)
        demo.prepare(pool, sif)
        demo.start(pool)
        url = pool.exec("laptop", ["chtc-jupyter", "url", "--program"], user=stock_session.USER, check=True).stdout
        say(f"uploading {SMALL} MB through Lab")
        began = time.monotonic()
        upload = ["python3", "-c", UPLOAD, str(SMALL)]
        done = pool.exec("laptop", upload, user=stock_session.USER, input=url, timeout=300)
        lab = time.monotonic() - began
        if done.returncode:
            raise UserError(f"the upload failed: {done.stderr.strip()[-200:]}")
    finally:
        boot.down(pool)
    print(f"{os.cpu_count()} cores, all hosts on them, MB/s")
    return figures.show(
        [
            ("HTCondor's file transfer, access point to job", LARGE / inwards, None),
            ("HTCondor's file transfer, job to access point", LARGE / outwards, None),
            ("scp, laptop to access point", SMALL / scp, None),
            ("Lab's upload, laptop to job through the tunnel", SMALL / lab, None),
        ]
    )


def _by_condor(pool: Pool) -> tuple[float, float]:
    """Return the seconds in which a file travels to a job, and back."""
    text = (
        "executable = /bin/true\ntransfer_executable = false\ntransfer_input_files = large.bin\n"
        "transfer_output_files = large.bin\nshould_transfer_files = yes\nwhen_to_transfer_output = ON_EXIT\n"
        "request_disk = 6GB\nrequest_memory = 64MB\nlog = transfer.log\nqueue\n"
    )
    pool.exec("ap", ["sh", "-c", f"head -c {LARGE}000000 /dev/urandom >large.bin"], user="alice", check=True)
    pool.exec("ap", ["condor_submit", "-"], user="alice", input=text, check=True)
    log = pool.path("ap", "/home/alice/transfer.log")
    wait(lambda: "\n005 " in log.read_text() or None, 300, "the file to be back", "see ci/pool logs")
    at = [
        datetime.fromisoformat(when) for when in re.findall(r"^040 \S+ (\S+ \S+) [SF]", log.read_text(), re.MULTILINE)
    ]
    started_in, ended_in, started_out, ended_out = (moment.timestamp() for moment in at[-4:])
    return max(1.0, ended_in - started_in), max(1.0, ended_out - started_out)


def _by_scp(pool: Pool) -> float:
    pool.exec("laptop", ["sh", "-c", f"head -c {SMALL}000000 /dev/urandom >small.bin"], user="alice", check=True)
    began = time.monotonic()
    pool.exec("laptop", ["scp", "-q", "small.bin", "ap:"], user="alice", timeout=300, check=True)
    return time.monotonic() - began
