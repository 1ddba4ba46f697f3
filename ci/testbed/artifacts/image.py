"""Build jupyter.sif from Apptainer.def, as a user would, with what is fetched kept for next time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from testbed.host import apt, cache, commands, pip_config
from testbed.pool import namespaces, rootfs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbed.pool.pool import Pool

CHECKOUT = Path(__file__).resolve().parents[3]
#: What the image is made of.
SOURCES = ("Apptainer.def", "runtime")
#: Folders in them that something else makes.
MADE = {"__pycache__", "node_modules"}
#: Less squeezed than Apptainer's default: 3 times as quick to make, a little larger.
SQUASH = "-comp zstd -Xcompression-level 3"
#: Where `place` puts the one that the tests share.
SHARED = "/srv/jupyter.sif"
#: How names are resolved, on this machine and in a sandbox in its network.
NETWORK_FILES = (Path("/etc/resolv.conf"), Path("/etc/hosts"))
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def build(arguments: Mapping[str, str] | None = None, *, checkout: Path = CHECKOUT) -> cache.Entry:
    """Return the cache's entry that holds ``jupyter.sif`` of a checkout, built if need be.

    ``arguments`` are further build arguments of Apptainer.def, such as PACKAGES.
    """
    apt.ensure(apt.POOL, log=cache.log("apt"))
    sources = source_files(checkout)
    packages = apt_packages((checkout / "Apptainer.def").read_text())
    base, base_key = rootfs.image_base(packages)
    given = dict(arguments or {})
    key = cache.key(cache.files_key(sources, checkout), base_key, given, SQUASH)

    def make(place: Path) -> None:
        root = rootfs.hosts()
        _build(place / "jupyter.sif", root.path, base.path, (checkout, sources), given)
        os.close(root.lock)

    entry = cache.get("image", key, make, what="jupyter.sif", takes="1 minute")
    os.close(base.lock)
    return entry


def place(pool: Pool, sif: Path, path: str, host: str = "ap") -> None:
    """Put an image on a host as the file ``path``, unless it is there already; the file is whole at any time."""
    with pool.placing(host, "image", sif.parent.name) as needed:
        if needed:
            pool.copy(host, sif, f"{path}.partial")
            pool.exec(host, ["mv", f"{path}.partial", path], check=True)


def source_files(checkout: Path) -> list[Path]:
    """Return the files that the image is made of, less what git ignores."""
    git = ["git", "-c", "safe.directory=*", "-C", str(checkout), "ls-files", "-z"]
    listed = _output([*git, "--cached", "--others", "--exclude-standard", "--", *SOURCES])
    if listed:
        found = [checkout / name for name in listed.split("\0") if name]
    else:  # no git, or no clone
        found = [path for name in SOURCES for path in (checkout / name, *(checkout / name).rglob("*"))]
    return [path for path in found if path.is_file() and not MADE & set(path.parts)]


def apt_packages(definition: str) -> list[str]:
    r"""Return the Debian packages that a def file installs.

    >>> apt_packages("    apt-get install -qq \\\n        git tmux </dev/null\n    true\n")
    ['git', 'tmux']
    """
    joined = definition.replace("\\\n", " ")
    found = re.findall(r"^\s*apt-get install ([^\n<>|&;]*)", joined, re.MULTILINE)
    return sorted(word for words in found for word in words.split() if word[0] not in "-{$")


def _build(sif: Path, root: Path, base: Path, of: tuple[Path, list[Path]], arguments: Mapping[str, str]) -> None:
    checkout, sources = of
    log = cache.log("image")
    log.unlink(missing_ok=True)
    caches = [cache.folder() / name for name in ("pip", "npm")]
    for each in caches:
        each.mkdir(exist_ok=True)
    given = {"BOOTSTRAP": "localimage", "BASE": "/build/base", **arguments}
    command = [
        *("sh", "-c", 'cd /build/src && exec "$@"', "sh"),
        *("apptainer", "build", "--fakeroot", "--bind", "/build/mnt:/mnt"),
        *("--mksquashfs-args", SQUASH),
        *(word for name in given for word in ("--build-arg", f"{name}={given[name]}")),
        *("/build/out/jupyter.sif", "Apptainer.def"),
    ]
    with tempfile.TemporaryDirectory(dir=sif.parent, prefix="scratch-") as folder:
        scratch = Path(folder)
        for name in ("src", "tmp", "mnt", "out"):
            (scratch / name).mkdir()
        for source in sources:
            target = scratch / "src" / source.relative_to(checkout)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        env = _environment(scratch / "mnt")
        binds = [
            *((scratch / name, f"/build/{name}") for name in ("src", "tmp", "mnt", "out")),
            *((each, f"/build/mnt/{each.name}") for each in caches),
            (base, "/build/base"),
            *((path, str(path)) for path in NETWORK_FILES),
        ]
        argv = namespaces.sandbox(
            "build",
            command,
            pidfile=scratch / "pid",
            root=root,
            scratch=scratch / "root",
            binds=binds,
            network=False,
        )
        commands.run(argv, doing="building the image", log=log, timeout=1800, env=env)
        (scratch / "out/jupyter.sif").rename(sif)


def _environment(shared: Path) -> dict[str, str]:
    """Return the build's environment variables; fill ``shared`` with how to reach PyPI and npm.

    In the build that folder is /mnt, which every base image has, and all that is the machine's.
    """
    options = pip_config.machine_options(os.environ, pip_config.files())
    bundle = pip_config.bundle(os.environ)
    if bundle:
        shutil.copy(bundle, shared / "ca.crt")
        options["cert"] = "/mnt/ca.crt"
    (shared / "pip.conf").write_text(pip_config.render({**options, "cache-dir": "/mnt/pip"}))
    return {
        **{name: os.environ[name] for name in PROXIES if name in os.environ},
        **({"SSL_CERT_FILE": "/build/mnt/ca.crt", "APPTAINERENV_npm_config_cafile": "/mnt/ca.crt"} if bundle else {}),
        "APPTAINERENV_npm_config_cache": "/mnt/npm",
        "PATH": namespaces.PATH,
        "LANG": "C.UTF-8",
        "HOME": "/root",
        "APPTAINER_TMPDIR": "/build/tmp",
        "APPTAINER_CACHEDIR": "/build/tmp",
        "APPTAINERENV_PIP_CONFIG_FILE": "/mnt/pip.conf",
    }


def _output(argv: list[str]) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""
