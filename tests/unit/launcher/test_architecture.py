"""Images and machines of several architectures: which image goes where, and what is said of the wrong one."""

import asyncio
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chtc_jupyter.commands import images
from chtc_jupyter.condor import architecture
from chtc_jupyter.condor.submit import Request, build_description
from chtc_jupyter.errors import MissingError, UsageError

IMAGE, ARM = "/home/a/jupyter.sif", "/home/a/jupyter-aarch64.sif"


def header(code):
    return f"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\x0001\0{code}\0"


class Link:
    """An access point with these images."""

    ap = "ap"

    def __init__(self, there, machine="x86_64"):
        self.hello = {"machine": machine}
        self._there = there

    async def run(self, argv, **_):
        shown = [f"\nfound {path}\n{self._there[path]}" for path in argv[4:] if path in self._there]
        return {"status": 0, "out": "".join(shown), "err": ""}


def request(arch=None, *settings, image=IMAGE):
    return Request(name="lab", folder="/f", notebooks="/f/notebooks", image=image, arch=arch, settings=settings)


def choose(there, asked, machine="x86_64"):
    said = []
    return asyncio.run(images.choose_image(Link(there, machine), asked, said.append)), said


@pytest.mark.parametrize(
    ("text", "found"), [("aarch64", "aarch64"), ("ARM64", "aarch64"), ("amd64", "X86_64"), ("X86_64", "X86_64")]
)
def test_names_of_architectures_are_htcondors_in_the_end(text, found):
    assert architecture.parse_architecture(text) == found


@pytest.mark.parametrize("text", ["", "sparc", 'x" || true', "a\nb"])
def test_other_words_are_refused(text):
    with pytest.raises(UsageError):
        architecture.parse_architecture(text)


@given(st.text())
def test_any_header_is_read(text):
    assert architecture.read_image(text) in {"", "X86_64", "aarch64", "ppc64le"}


BOTH = {IMAGE: header("02"), ARM: header("04")}


@pytest.mark.parametrize(
    ("there", "asked", "machine", "image", "arch"),
    [
        (BOTH, request("aarch64"), "x86_64", ARM, "aarch64"),
        (BOTH, request("X86_64"), "x86_64", IMAGE, "X86_64"),
        (BOTH, request(), "x86_64", IMAGE, None),
        (BOTH, request(None, 'requirements = Arch == "aarch64"'), "x86_64", ARM, None),
        (BOTH, request(None, 'Requirements = (TARGET.Arch=="aarch64") && HasX'), "x86_64", ARM, None),
        ({ARM: header("04")}, request("aarch64"), "x86_64", ARM, "aarch64"),
        ({IMAGE: header("04")}, request("aarch64"), "x86_64", IMAGE, "aarch64"),
        ({IMAGE: header("04")}, request(), "x86_64", IMAGE, "aarch64"),
        ({IMAGE: header("04")}, request(), "aarch64", IMAGE, None),
        ({IMAGE: header("02")}, request(), "aarch64", IMAGE, "X86_64"),
        ({IMAGE: "a folder, or another format"}, request("aarch64"), "x86_64", IMAGE, "aarch64"),
        ({IMAGE: "a folder, or another format"}, request(), "x86_64", IMAGE, None),
    ],
)
def test_image_and_machines_fit_each_other(there, asked, machine, image, arch):
    found, said = choose(there, asked, machine)
    assert (found.image, found.arch) == (image, arch)
    assert bool(said) == (arch is not None and asked.arch is None)


@pytest.mark.parametrize(
    ("there", "asked", "parts"),
    [
        ({IMAGE: header("02")}, request("aarch64"), ("is for X86_64 machines", "asks for aarch64", ARM)),
        ({IMAGE: header("02"), ARM: header("02")}, request("aarch64"), (ARM, "is for X86_64 machines")),
        ({}, request("aarch64"), (IMAGE, ARM, "--image")),
        ({}, request(), (IMAGE, "--image")),
        ({IMAGE: header("02")}, request(None, 'requirements = Arch == "aarch64"'), ("is for X86_64 machines",)),
    ],
)
def test_image_for_other_machines_is_named_before_anything_is_submitted(there, asked, parts):
    with pytest.raises(MissingError) as caught:
        choose(there, asked)
    for part in parts:
        assert part in str(caught.value)


def test_image_that_is_none_of_this_project_s_is_named_before_anything_is_submitted():
    there = {IMAGE: f"{header('02')}\n{architecture.FOREIGN}\n"}
    with pytest.raises(MissingError, match=r"has no jupyter-session.*runtime/recipes/own-base\.def"):
        choose(there, request())
    ad = {"requirements": "true", "containerimage": "jupyter.sif", "iwd": "/home/a", "transferinput": IMAGE}
    with pytest.raises(MissingError, match="has no jupyter-session"):
        asyncio.run(images.ensure_kind(Link(there), ad))


@pytest.mark.parametrize(
    ("data", "is_foreign"),
    [
        (b'\0{"labels":{"org.label-schema.build-arch":"amd64"}}\0hsqs', True),
        (b'\0{"labels":{"org.label-schema.build-arch":"amd64","jupyter-session":"1"}}\0hsqs', False),
        (b"\0another format", False),
        (b"", False),
    ],
)
def test_labels_of_an_image_tell_whose_it_is(data, is_foreign, tmp_path):
    (tmp_path / "it's.sif").write_bytes(header("02").encode() + data)
    done = subprocess.run(
        ["sh", "-c", images._READ, "sh", tmp_path / "absent", tmp_path / "it's.sif", tmp_path],
        check=True,
        capture_output=True,
        text=True,
    )
    first, second = done.stdout.split("\nfound ")[1:]
    assert first.startswith(f"{tmp_path}/it's.sif\n")
    assert architecture.read_image(first) == "X86_64"
    assert architecture.is_foreign(first) == is_foreign
    assert second == f"{tmp_path}\n"


@pytest.mark.parametrize(
    ("requirements", "image", "there", "part"),
    [
        ('(TARGET.Arch == "X86_64") && x', "jupyter.sif", {IMAGE: header("04")}, "is for aarch64 machines"),
        ('TARGET.Arch == "aarch64"', IMAGE, {IMAGE: header("02")}, 'requirements = Arch == "X86_64"'),
        ('Arch == "X86_64" || Arch == "aarch64"', "jupyter.sif", {IMAGE: header("04")}, ""),
        ('Arch == "X86_64" || Arch == "aarch64"', "jupyter-$$(Arch).sif", {ARM: header("04")}, "jupyter-X86_64.sif"),
        ('Arch == "aarch64"', "jupyter-$$(Arch).sif", {ARM: header("04")}, ""),
        ('Arch == "aarch64"', "jupyter-$$(ARCH).sif", {ARM: header("02")}, "is for X86_64 machines"),
        ('Arch == "aarch64"', "docker://x", {}, ""),
        ('Arch == "aarch64"', "far.sif", {"/far/far.sif": header("02")}, "/far/far.sif is for X86_64 machines"),
        ('Arch == "aarch64"', "jupyter.sif", {IMAGE: "no header"}, ""),
        ("true", "jupyter.sif", {IMAGE: header("04")}, ""),
    ],
)
def test_own_submit_file_with_an_image_for_other_machines_is_refused(requirements, image, there, part):
    ad = {
        "requirements": requirements,
        "containerimage": image,
        "iwd": "/home/a",
        "transferinput": "notebooks,/far/far.sif",
    }
    if not part:
        asyncio.run(images.ensure_kind(Link(there), ad))
        return
    with pytest.raises(MissingError) as caught:
        asyncio.run(images.ensure_kind(Link(there), ad))
    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("own", "requirements"),
    [
        ((), 'TARGET.Arch == "aarch64"'),
        (("requirements = HasX",), '(HasX) && (TARGET.Arch == "aarch64")'),
        (("Requirements = HasX || Y",), '(HasX || Y) && (TARGET.Arch == "aarch64")'),
        (('requirements = Arch == "aarch64" && HasX',), 'Arch == "aarch64" && HasX'),
    ],
)
def test_machines_that_are_asked_for_stand_in_the_requirements(own, requirements):
    lines = {key.lower(): found for key, found in build_description(request("aarch64", *own)).items()}
    assert lines["requirements"] == requirements
