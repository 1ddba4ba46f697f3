"""A stand-in for a channel of conda's: a folder with two packages, because none can be reached from everywhere.

Its `python` is the image's own, as a virtual environment has it; `only_conda` is a module that is nowhere else.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

MODULE = b"def answer():\n    return 6 * 7\n"


def make_channel(version: str) -> dict[str, bytes]:
    """Return the files of a channel for x86_64, by their paths; `version` is that of the image's Python (3.13)."""
    python: dict[str, bytes | str] = {
        "pyvenv.cfg": b"home = /usr/bin\ninclude-system-site-packages = false\n",
        "bin/python": "/usr/bin/python3",
        "bin/python3": "python",
    }
    module: dict[str, bytes | str] = {"site-packages/only_conda.py": MODULE}
    return {
        **_make_folder("linux-64", _describe("python", f"{version}.0", subdir="linux-64", depends=[]), python),
        **_make_folder(
            "noarch",
            _describe("only_conda", "1.0", subdir="noarch", depends=["python"], noarch="python"),
            module,
        ),
    }


def _describe(name: str, version: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "build": "0", "build_number": 0, "timestamp": 1700000000000, **more}


def _make_folder(subdir: str, about: dict[str, Any], content: Mapping[str, bytes | str]) -> dict[str, bytes]:
    """Return a package and the list that has it; a text in `content` is where a link leads."""
    archive = _make_package(about, content)
    file = f"{about['name']}-{about['version']}-{about['build']}.tar.bz2"
    hashes = {"md5": hashlib.md5(archive).hexdigest(), "sha256": hashlib.sha256(archive).hexdigest()}  # noqa: S324
    listed = {"info": {"subdir": subdir}, "packages": {file: {**about, **hashes, "size": len(archive)}}}
    return {f"{subdir}/{file}": archive, f"{subdir}/repodata.json": json.dumps(listed).encode()}


def _make_package(about: dict[str, Any], content: Mapping[str, bytes | str]) -> bytes:
    paths = [
        {
            "_path": path,
            "path_type": "softlink" if isinstance(data, str) else "hardlink",
            "sha256": hashlib.sha256(b"" if isinstance(data, str) else data).hexdigest(),
            "size_in_bytes": len(data),
        }
        for path, data in content.items()
    ]
    info: dict[str, bytes | str] = {
        "info/index.json": json.dumps(about).encode(),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}).encode(),
        "info/files": "".join(f"{path}\n" for path in content).encode(),
    }
    if about.get("noarch"):
        link = {"noarch": {"type": "python"}, "package_metadata_version": 1}
        info["info/link.json"] = json.dumps(link).encode()
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:bz2") as archive:
        for path, data in {**info, **content}.items():
            member = tarfile.TarInfo(path)
            if isinstance(data, str):
                member.type, member.linkname = tarfile.SYMTYPE, data
                archive.addfile(member)
            else:
                member.size, member.mode = len(data), 0o755 if path.startswith("bin/") else 0o644
                archive.addfile(member, io.BytesIO(data))
    return written.getvalue()
