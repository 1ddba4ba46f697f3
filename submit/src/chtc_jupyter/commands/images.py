"""Find the image for the machines that are asked for, and the machines that an image is for."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chtc_condor.dry_run import split_list
from chtc_jupyter.condor import architecture, settings
from chtc_jupyter.condor.submit import Request
from chtc_jupyter.errors import MissingError
from chtc_jupyter.ssh.agent_client import AgentClient

_log = logging.getLogger(__name__)
#: Prints the first bytes of the images that can be read, each after its path, and which of them aren't made for this.
#: Apptainer's labels are near the beginning of an image, with its definition.
_READ = f"""
LC_ALL=C
for image; do
    [ -f "$image" ] && [ -r "$image" ] || {{ [ ! -d "$image" ] || printf '\\nfound %s\\n' "$image"; continue; }}
    printf '\\nfound %s\\n' "$image"
    {" ".join(architecture.READ_HEADER)} "$image"
    case $(head -c 262144 "$image" | tr -cd '[:print:]') in
    *jupyter-session*) ;;
    *org.label-schema.*) printf '\\n{architecture.FOREIGN}\\n' ;;
    esac
done
"""
_BUILD = "Build one on such a machine from Apptainer.def, and copy it to {path} on {ap}, or name another image."


async def choose_image(link: AgentClient, request: Request, say: Callable[[str], None]) -> Request:
    """Return the request with an image for the machines that it asks for, or machines that the image is for.

    An image for another architecture has its name behind a hyphen. Raises MissingError if there is none.
    """
    own = architecture.list_wanted(settings.parse_settings(request.settings).get("requirements", ""))
    wanted = request.arch or (own[0] if len(own) == 1 else "")
    variant = architecture.name_variant(request.image, wanted) if wanted else ""
    _log.info("Checking that %s exists on %s", request.image, link.ap)
    heads = await read_heads(link, request.image, *([variant] if variant else []))
    kinds = {path: architecture.read_image(head) for path, head in heads.items()}
    if variant and variant in kinds and kinds.get(request.image) != wanted:
        request = replace(request, image=variant)
    kind = kinds.get(request.image)
    if kind is None:
        also = f" or {variant}" if variant else ""
        raise MissingError(
            f"There is no image {request.image}{also} on {link.ap}. Copy jupyter.sif there, or name another image "
            "with --image."
        )
    _ensure_own(link, request.image, heads[request.image])
    if wanted and kind and kind != wanted:
        said = architecture.describe_mismatch(request.image, kind, [wanted])
        raise MissingError(f"{said} {_BUILD.format(path=variant, ap=link.ap)}")
    here = architecture.find_architecture(str(link.hello.get("machine", "")))
    if kind and not wanted and kind != here:
        say(f"The image {request.image} is for {kind} machines, so the session waits for one of them.")
        return replace(request, arch=kind)
    return request


async def ensure_kind(link: AgentClient, ad: Mapping[str, Any]) -> None:
    """Raise MissingError if a job's image isn't one of this project's, or not for the machines that it asks for."""
    image, wanted = str(ad.get("containerimage") or ""), architecture.list_wanted(str(ad.get("requirements") or ""))
    if not image or "://" in image:
        return
    # HTCondor has an image's path in the job's input, and only its name in ContainerImage.
    sent = (entry for entry in split_list(ad.get("transferinput")) if posixpath.basename(entry) == image)
    whole = posixpath.join(str(ad.get("iwd") or "~"), next(sent, image))
    named = {one: architecture.PLACEHOLDER.sub(one, whole) for one in wanted or [""]}
    heads = await read_heads(link, *dict.fromkeys(named.values()))
    for path, head in heads.items():
        _ensure_own(link, path, head)
    if not wanted:
        return
    kinds = {path: architecture.read_image(head) for path, head in heads.items()}
    if not architecture.PLACEHOLDER.search(whole):
        if (kind := kinds.get(whole)) and kind not in wanted:
            said = architecture.describe_mismatch(whole, kind, wanted)
            raise MissingError(f'{said} Name an image for these, or write `requirements = Arch == "{kind}"`.')
        return
    for one, path in named.items():
        if path not in kinds:
            raise MissingError(f"There is no image {path} on {link.ap}. {_BUILD.format(path=path, ap=link.ap)}")
        if (kind := kinds[path]) and kind != one:
            said = architecture.describe_mismatch(path, kind, [one])
            raise MissingError(f"{said} {_BUILD.format(path=path, ap=link.ap)}")


async def read_kinds(link: AgentClient, *paths: str) -> dict[str, str]:
    """Return for which architecture each image that is there is; "" if it doesn't say so."""
    return {path: architecture.read_image(head) for path, head in (await read_heads(link, *paths)).items()}


async def read_heads(link: AgentClient, *paths: str) -> dict[str, str]:
    """Return what is at the beginning of each image that is there."""
    shown = str((await link.run(["sh", "-c", _READ, "sh", *paths]))["out"])
    parts = [part.partition("\n") for part in shown.split("\nfound ")[1:]]
    return {path: head for path, _, head in parts}


def _ensure_own(link: AgentClient, path: str, head: str) -> None:
    """Raise MissingError if an image isn't one of this project's."""
    if architecture.is_foreign(head):
        raise MissingError(
            f"The image {path} on {link.ap} has no jupyter-session, which is the session. Build an image from it: "
            f"apptainer build --build-arg BOOTSTRAP=localimage --build-arg BASE={posixpath.basename(path)} mine.sif "
            "runtime/recipes/own-base.def"
        )
