"""A wheel that is made on the spot, because the pool's hosts have no network."""

from __future__ import annotations

import io
import zipfile

NAME = "tiny_thing-1.0-py3-none-any.whl"
#: What `import tiny_thing; tiny_thing.answer()` returns, and what the command `tiny-thing` prints.
ANSWER = 42

_FILES = {
    "tiny_thing.py": f"def answer():\n    return {ANSWER}\n\ndef main():\n    print(answer())\n",
    "tiny_thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n",
    "tiny_thing-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny_thing-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny-thing = tiny_thing:main\n",
}


def make_wheel() -> bytes:
    """Return the wheel of a package with one module and one command."""
    data = io.BytesIO()
    record = "".join(f"{name},,\n" for name in (*_FILES, "tiny_thing-1.0.dist-info/RECORD"))
    with zipfile.ZipFile(data, "w") as wheel:
        for name, text in {**_FILES, "tiny_thing-1.0.dist-info/RECORD": record}.items():
            wheel.writestr(name, text)
    return data.getvalue()
