"""A wheel that is made on the spot, because the pool's hosts have no network."""

from __future__ import annotations

import io
import zipfile

NAME = "tiny_thing-1.0-py3-none-any.whl"
#: A package of so many modules that pip is at work for a while.
BULKY = "bulky-1.0-py3-none-any.whl"
#: What `import tiny_thing; tiny_thing.answer()` returns, and what the command `tiny-thing` prints.
ANSWER = 42

_FILES = {
    "tiny_thing.py": f"def answer():\n    return {ANSWER}\n\ndef main():\n    print(answer())\n",
    "tiny_thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n",
    "tiny_thing-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny_thing-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny-thing = tiny_thing:main\n",
}


_BULKY_FILES = {
    **{f"bulky/m{number}.py": "x = 1\n" for number in range(3000)},
    "bulky-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: bulky\nVersion: 1.0\n",
    "bulky-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


def make_wheel() -> bytes:
    """Return the wheel of a package with one module and one command."""
    return _make(_FILES)


def make_bulky_wheel() -> bytes:
    """Return the wheel of a package with many modules."""
    return _make(_BULKY_FILES)


def _make(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    record = next(name for name in files if name.endswith("METADATA")).replace("METADATA", "RECORD")
    with zipfile.ZipFile(data, "w") as wheel:
        for name, text in {**files, record: "".join(f"{name},,\n" for name in (*files, record))}.items():
            wheel.writestr(name, text)
    return data.getvalue()
