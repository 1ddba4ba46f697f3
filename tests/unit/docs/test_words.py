"""HTCondor's words mean what HTCondor means by them: a held job has been stopped, and nothing else is held."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("runtime", "submit", "docs")
_WORD = re.compile(r"\bhold|held\b", re.IGNORECASE)

#: Folders that something else makes.
MADE = {"__pycache__", "node_modules", "dist", "lib"}
#: How lines speak of HTCondor's holds. Add to it only what does.
HTCONDOR = re.compile(
    r"""
    condor_(hold|release) | Hold(Reason|Kill|s\b) | periodic_hold | hold\.py | \bHELD\b | JOB_HELD | SCRIPT[ ]HOLD
    | \bon[ ]hold\b | \bholds?[ ](the|a)[ ]job | (hold|held)[ ](code|job|reason|advice) | hold_(code|advice|reason)
    | hold_?kill
    | \bjobs?\b[^.|]*\b(is|are|was|be)[ ](\*?held) | describe_hold | HeldError | "held" | `held` | advise_on_hold
    | \b[Aa][ ]hold\b | \d[ ]held\b | \*held\* | (idle|removed),[ ]held | removes,[ ]holds | ^\|[ ]held: | its[ ]holds
    | (in|if|for)[ ]holds\b | hold-reason-codes
    | open_session\.py:\d+:.*\b_held\b  # set when the job is held
    """,
    re.VERBOSE,
)


def lines():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not MADE & set(path.parts) and path.suffix != ".png":
                for number, line in enumerate(path.read_text().splitlines(), 1):
                    if _WORD.search(line):
                        yield f"{path.relative_to(ROOT)}:{number}:", line.strip()


def test_hold_and_held_are_htcondors():
    others = [
        f"{place} {line}" for place, line in lines() if not (HTCONDOR.search(line) or HTCONDOR.search(place + line))
    ]
    assert not others, "\n".join(others)
