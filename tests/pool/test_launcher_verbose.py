"""-v and -vv: a start that fails says at which step and why, and no line of the log has the token."""

import re

#: A line of the log: a time, a level, a logger.
LINE = re.compile(r"^\d\d:\d\d:\d\d (?:INFO|DEBUG) chtc_jupyter\S*: .*$", re.MULTILINE)


def test_start_that_fails_shows_the_step_and_the_reason(new_laptop):
    laptop = new_laptop()
    missing = laptop.call("-v", "start", laptop.name, "--ap", "ap", "--no-browser", "--image", "none.sif")
    assert missing.returncode == 20
    lines = LINE.findall(missing.stderr)
    assert "Checking that /home/alice/none.sif exists on ap" in lines[-1]
    assert "DEBUG" not in missing.stderr
    assert "chtc-jupyter: There is no image /home/alice/none.sif on ap" in missing.stderr
    refused = laptop.call("start", laptop.name, "--ap", "nobody@ap", "--no-browser", "-v")
    assert refused.returncode == 12
    lines = LINE.findall(refused.stderr)
    assert "Connecting to nobody@ap" in lines[0]
    assert "Permission denied" in lines[-1]
    loud = laptop.call("start", laptop.name, "--ap", "nobody@ap", "--no-browser", "-vvv")
    assert loud.returncode == 12
    assert "ssh: debug1: " in loud.stderr
    assert "debug1" not in loud.stderr.rpartition("chtc-jupyter: ")[2]
    quiet = laptop.call("start", laptop.name, "--ap", "nobody@ap", "--no-browser")
    assert LINE.findall(quiet.stderr) == []


def test_no_line_of_the_log_has_the_token(new_laptop):
    laptop = new_laptop()
    running = laptop.start("-vv")
    url = running.url()
    assert laptop.answers(url)
    secrets = {laptop.inside("jupyter-session", "url").partition("token=")[2].split()[0]}
    secrets.add(laptop.at("/").partition("token=")[2])
    said = [laptop.call(verb, "-vv").stderr for verb in ("status", "list", "logs", "url")]
    said.append(laptop.call("extend", "1h", "-vv").stderr)
    running.interrupt()
    assert running.wait_end() == 0
    lines = [line for text in (running.output, *said) for line in LINE.findall(text)]
    assert any("chtc_jupyter.ssh.agent: on ap" in line for line in lines)
    assert any(f"The tunnel into job {laptop.job()} is open" in line for line in lines)
    assert not [line for line in lines for secret in secrets if secret in line]
    assert not [text for text in said for secret in secrets if secret in text]
