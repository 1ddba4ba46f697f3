"""The environment that came along with the job: what would break or mislead the session is left out of it.

With `getenv`, or from a shell with modules, a job brings variables that mean something on the machine where it was
submitted, and nothing here: another Python's home, a library to preload, the token of another Jupyter.
"""

from __future__ import annotations

import contextlib
import locale
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path

_LOG = logging.getLogger(__name__)

_PROBE_TIMEOUT = 30.0  # seconds; a cold shared file system can be very slow
#: Variables that lead programs of the image astray, whatever is in them. With PYTHONOPTIMIZE, Python doesn't use what
#: is compiled in the image, so that kernels start too slowly.
_NEVER = re.compile(
    r"JPY_.*|JUPYTERHUB_.*|JUPYTERLAB_DIR|JUPYTER_SESSION_PATH|TMUX|TMUX_PANE|NSS_WRAPPER_.*"
    r"|PYTHON(HOME|PLATLIBDIR|INSPECT|EXECUTABLE|OPTIMIZE)"
    r"|(BASH_)?ENV|SHELLOPTS|BASHOPTS|BASH_XTRACEFD|PROMPT_COMMAND"
)
#: Of another Jupyter. What isn't named here would take our server to another port, token, gateway, or set of settings.
_JUPYTER = re.compile(
    r"JUPYTER_(?!SESSION_|PATH$|CONFIG_DIR$|CONFIG_PATH$|DATA_DIR$|ALLOW_INSECURE_WRITES$|PLATFORM_DIRS$|PREFER_ENV_PATH$).*"
)
#: Folders with settings that are run as code: only the job's own count.
_SETTINGS = ("JUPYTER_CONFIG_DIR", "JUPYTER_CONFIG_PATH", "IPYTHONDIR")
#: Folders that must be there already, and folders that programs make.
_FOLDERS = ("TMPDIR", "TMP", "TEMP", "TMUX_TMPDIR", "XDG_RUNTIME_DIR")
_NEW_FOLDERS = (
    *("JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "MPLCONFIGDIR"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"),
)
#: Files without which programs fail to make any TLS connection, JupyterLab among them.
_FILES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "OPENSSL_CONF")
_ENVIRONMENTS = {"VIRTUAL_ENV": r"VIRTUAL_ENV_PROMPT", "CONDA_PREFIX": r"CONDA_.*|_CE_.*|MAMBA_.*"}
_LOCALES = ("LC_ALL", "LC_CTYPE", "LANG")
#: Backends of matplotlib that show something in a notebook.
_BACKENDS = re.compile(r"module://.*|inline|widget|ipympl|nbagg|notebook|webagg", re.IGNORECASE)
_HARMLESS_PYTHON = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONNOUSERSITE", "PYTHONSTARTUP")
_PRELOADED = ("LD_PRELOAD", "LD_AUDIT")
#: What Apptainer and images for GPUs set.
_LIBRARIES = re.compile(r"/\.singularity\.d/libs|/usr/local/(nvidia|cuda)[^:]*|")
#: The least that a kernel needs.
_KERNEL = "import ssl, zmq, ipykernel.kernelapp"


def clean(environ: MutableMapping[str, str], job_folder: Path | None, notebooks: Path) -> list[str]:
    """Take out of `environ` what doesn't work here; return the names, sorted.

    `job_folder` is the job's scratch folder, and `notebooks` the server's working folder. Programs are tried only if
    there is something that may break them.
    """
    out = set(find_misleading(environ, job_folder, notebooks))
    for name in out:
        del environ[name]
    broken = find_breaking(environ, works=_works)
    for name in broken:
        del environ[name]
    environ.setdefault("LANG", "C.UTF-8")
    home = environ.get("HOME")
    if job_folder is not None and not (home and _is_usable(Path(home))):
        environ["HOME"] = str(job_folder)
        out |= {"HOME"} if home else set()
    for name in ("no_proxy", "NO_PROXY"):  # the server and what runs beside it are here, and behind no proxy
        if environ.get("http_proxy") or environ.get("HTTP_PROXY"):
            environ[name] = ",".join(filter(None, (environ.get(name), "127.0.0.1,localhost")))
    return sorted({*out, *broken})


def find_misleading(environ: Mapping[str, str], job_folder: Path | None, notebooks: Path) -> Iterator[str]:
    """Yield the variables that can be told to be of no use here without trying any program."""
    for name, value in environ.items():
        if _NEVER.fullmatch(name) or _JUPYTER.fullmatch(name) or _is_misleading(name, value):
            yield name
        elif name in _SETTINGS:
            folders = [notebooks / part for part in value.split(os.pathsep)]
            if not all(_is_inside(folder, job_folder) for folder in folders):
                yield name
    for prefix, others in _ENVIRONMENTS.items():
        if prefix in environ and not Path(environ[prefix]).is_dir():
            yield from (name for name in environ if name == prefix or re.fullmatch(others, name))


def _is_misleading(name: str, value: str) -> bool:
    if name in _FOLDERS:
        return not _is_usable(Path(value))
    if name in _NEW_FOLDERS:
        return not _is_usable(_find_existing(Path(value)))
    if name in _FILES:
        return not os.access(value, os.R_OK)
    if name == "SSLKEYLOGFILE":
        return not os.access(Path(value).parent, os.W_OK)
    if name == "MPLBACKEND":
        return not _BACKENDS.fullmatch(value)
    if name == "PYTHONWARNINGS":
        return "error" in value
    return name in _LOCALES and not _has_locale(value)


def find_breaking(environ: Mapping[str, str], works: Callable[[list[str], Mapping[str, str]], bool]) -> list[str]:
    """Return the variables with which programs don't work; `works` tries one with an environment."""
    found = [name for name in _PRELOADED if environ.get(name) and not works(["/bin/true"], {name: environ[name]})]
    suspects = [name for name in environ if name not in found and _is_suspect(name, environ[name])]
    command = [sys.executable, "-c", _KERNEL]
    rest = {name: value for name, value in environ.items() if name not in found}
    if suspects and not works(command, rest):
        calm = {name: value for name, value in rest.items() if name not in suspects}
        found += [name for name in suspects if not works(command, {**calm, name: environ[name]})] or suspects
    return found


def _is_suspect(name: str, value: str) -> bool:
    if name == "LD_LIBRARY_PATH":
        return not all(_LIBRARIES.fullmatch(part) for part in value.split(":"))
    return bool(value) and (name in _PRELOADED or (name.startswith("PYTHON") and name not in _HARMLESS_PYTHON))


def _works(command: list[str], environ: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_TIMEOUT, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        _LOG.debug("%s does not run: %s", command[0], error)
        return False
    if done.returncode or b"ld.so" in done.stderr:
        _LOG.debug("%s does not run: %d, %s", command[0], done.returncode, done.stderr[-2000:])
        return False
    return True


def _is_inside(path: Path, folder: Path | None) -> bool:
    with contextlib.suppress(OSError):
        return folder is not None and path.resolve().is_relative_to(folder.resolve())
    return False


def _is_usable(folder: Path) -> bool:
    return folder.is_absolute() and folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _find_existing(path: Path) -> Path:
    path = path.absolute()
    with contextlib.suppress(OSError):
        while not path.exists() and path != path.parent:
            path = path.parent
    return path


def _has_locale(name: str) -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return True
