"""Build jupyter.sif from Apptainer.def, as a user would, with what is fetched kept for next time."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
#: Who builds: root, for whom the hosts' root has entries in /etc/subuid, or somebody without.
BUILDERS = {"root": 0, "alice": 2001}
BASE_FILE = "/build/base.sif"
#: Runs a command as a user, who can't read all of a root that is a folder, but can read an image of it. Nobody but
#: that user can write to the folders of the build. All in it is root's, as in what such a user pulls from a registry:
#: without subordinate IDs there are no other owners.
AS_USER = f"""
mkdir /build/own
HOME=/build/own APPTAINER_TMPDIR=/build/own APPTAINER_CACHEDIR=/build/own \\
    apptainer build --fakeroot --mksquashfs-args -all-root {BASE_FILE} /build/base || exit
rm -rf /build/own
user=$1
shift
exec setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@"
"""
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Variant:
    """What to build instead of the image that all tests share.

    ``arguments`` are build arguments of the definition, such as PACKAGES; ``files`` are put beside it, by name.
    ``base`` is the root that the image starts from; ``builder`` is one of `BUILDERS`. With ``onto``, the definition is
    own-base.def, and the image that all tests share is put on the base.
    """

    arguments: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    base: rootfs.Base = field(default_factory=rootfs.Base)
    builder: str = "root"
    onto: bool = False

    @property
    def definition(self) -> str:
        """The definition file."""
        return "runtime/recipes/own-base.def" if self.onto else "Apptainer.def"


def build(
    arguments: Mapping[str, str] | None = None, *, checkout: Path = CHECKOUT, variant: Variant | None = None
) -> cache.Entry:
    """Return the cache's entry that holds ``jupyter.sif`` of a checkout, built if need be.

    ``arguments`` are further build arguments of Apptainer.def, such as PACKAGES; instead, there may be a ``variant``.
    """
    apt.ensure(apt.POOL, log=cache.log("apt"))
    sources = source_files(checkout)
    kind = "variant-image" if variant else "image"
    if variant is None:
        variant = Variant(dict(arguments or {}), base=usual_base(checkout))
    chosen = variant
    base, base_key = rootfs.image_base(chosen.base)
    files = {name: hashlib.sha256(data).hexdigest() for name, data in chosen.files.items()}
    about = (dict(chosen.arguments), files, chosen.builder, chosen.definition)
    key = cache.key(cache.files_key(sources, checkout), base_key, about, SQUASH)

    def make(place: Path) -> None:
        root = rootfs.hosts()
        shared = build(checkout=checkout) if chosen.onto else None
        roots = _Roots(root.path, base.path, shared.path if shared else None)
        _build(place / "jupyter.sif", roots, (checkout, sources), chosen)
        os.close(root.lock)
        if shared:
            os.close(shared.lock)

    entry = cache.get(kind, key, make, what="jupyter.sif", takes="1 minute")
    os.close(base.lock)
    return entry


def usual_base(checkout: Path = CHECKOUT) -> rootfs.Base:
    """Return the base of the image that all tests share: it has the image's packages beforehand."""
    return rootfs.Base(packages=tuple(apt_packages((checkout / "Apptainer.def").read_text())))


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


def quote_argument(name: str, value: str) -> str:
    """Return a build argument as Apptainer wants it on its command line, where commas separate several.

    >>> quote_argument("PACKAGES", "numpy>=1,<3 torch")
    '"PACKAGES=numpy>=1,<3 torch"'
    """
    text = f"{name}={value}"
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text


class _Roots(NamedTuple):
    """What a build reads: the root that Apptainer runs in, the image's base, and the folder of the shared image."""

    tools: Path
    base: Path
    shared: Path | None


def _build(sif: Path, roots: _Roots, of: tuple[Path, list[Path]], variant: Variant) -> None:
    checkout, sources = of
    name = sif.parent.stem
    log = cache.log(name if name.startswith("variant") else "image")
    log.unlink(missing_ok=True)
    caches = [cache.folder() / name for name in ("pip", "npm")]
    for each in caches:
        each.mkdir(exist_ok=True)
    user = BUILDERS[variant.builder]
    given = {"BOOTSTRAP": "localimage", "BASE": BASE_FILE if user else "/build/base", **variant.arguments}
    if roots.shared:
        given["JUPYTER"] = "/build/shared/jupyter.sif"
    command = [
        *("sh", "-c", 'cd /build/src && exec "$@"', "sh"),
        *(["sh", "-c", AS_USER, "sh", str(user)] if user else []),
        *("apptainer", "build", *([] if user else ["--fakeroot"]), "--bind", "/build/mnt:/mnt"),
        *("--mksquashfs-args", SQUASH),
        *(word for name in given for word in ("--build-arg", quote_argument(name, given[name]))),
        *("/build/out/jupyter.sif", variant.definition),
    ]
    with tempfile.TemporaryDirectory(dir=sif.parent, prefix="scratch-") as folder:
        scratch = Path(folder)
        for name in ("src", "tmp", "mnt", "out"):
            (scratch / name).mkdir()
        for source in sources:
            target = scratch / "src" / source.relative_to(checkout)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        for name, data in variant.files.items():
            target = scratch / "src" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        env = _environment(scratch / "mnt")
        if user:
            env |= {"HOME": "/build/tmp", "USER": variant.builder}
            scratch.chmod(0o755)
            for name in ("tmp", "out", "mnt"):
                os.chown(scratch / name, user, user)
            caches = []  # pip's and npm's refuse folders of other users
        binds = [
            *([(roots.shared, "/build/shared")] if roots.shared else []),
            *((scratch / name, f"/build/{name}") for name in ("src", "tmp", "mnt", "out")),
            *((each, f"/build/mnt/{each.name}") for each in caches),
            (roots.base, "/build/base"),
            *((path, str(path)) for path in NETWORK_FILES),
        ]
        argv = namespaces.sandbox(
            "build",
            command,
            pidfile=scratch / "pid",
            root=roots.tools,
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
