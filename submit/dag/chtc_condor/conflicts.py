"""Find what no added line can mend in a submission: a job that can't be a session, or one that takes notebooks away."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from chtc_condor.codes import JobStatus
from chtc_condor.dry_run import Ad, Expression, split_list, split_remaps
from chtc_condor.notebook_folder import come_back, follow_remaps

_VANILLA = 5
_UNIVERSES = {7: "scheduler", 9: "grid", 10: "java", 11: "parallel", 12: "local", 13: "vm"}
#: Seconds: HTCondor looks at these limits each minute, and a session takes about one to start and one to end.
_SHORTEST = 120
_HOUR = 3600
_TIME_LIMITS = ("allowed_job_duration", "allowed_execute_duration")
_LATER = ("deferraltime", "cronminute", "cronhour", "crondayofmonth", "cronmonth", "crondayofweek")
_CLOCK = re.compile(r"time\(\)|CurrentTime|StartDate|EnteredCurrentStatus|WallClock", re.IGNORECASE)


def find(ad: Ad, name: str) -> Iterator[str]:
    """Yield why a job can't be a session whose notebook folder is `name`: a predicate, without a period."""
    universe = ad.get("jobuniverse", _VANILLA)
    if universe != _VANILLA:
        kind = _UNIVERSES.get(universe, universe)
        yield f"is for the {kind} universe, where no session can run: write `universe = container`"
    yield from _find_no_start(ad)
    if name.startswith(("/", "..")) or name == ".":
        yield f"has {name!r} as its notebook folder, which can't come back: use a folder's name, `--notebooks NAME`"
    elif "/" in name and ad.get("preserverelativepaths") is not True:
        yield f"brings the notebook folder {name!r} back as another: write `preserve_relative_paths = true`"
    yield from _find_other_places(ad, name)
    for key in _TIME_LIMITS:
        limit = _read_number(ad.get(key.replace("_", "")))
        if limit is not None and limit < _SHORTEST:
            yield f"puts the job on hold after {limit:g} s, which is too short: write `{key} = {_SHORTEST}` or more"


def _find_no_start(ad: Ad) -> Iterator[str]:
    """Yield why the job would not run, or not now, or not for long."""
    if ad.get("isnoopjob") not in (None, False):
        yield "describes a job that doesn't run: remove `noop_job`"
    if ad.get("jobstatus") == JobStatus.HELD or ad.get("holdreasoncode") is not None:
        yield "submits the job on hold: remove `hold`"
    if any(ad.get(name) is not None for name in _LATER):
        yield "starts the job at a later time: remove `deferral_time` or `cron_...`"
    for key in ("periodic_remove", "periodic_hold", "periodic_vacate"):
        if ad.get(key.replace("_", "")) is True:
            yield f"ends the session at once: remove `{key} = true`"


def _find_other_places(ad: Ad, name: str) -> Iterator[str]:
    """Yield how notebooks would come back to another place than the one that they came from."""
    for key in ("output_destination", "output_directory"):
        if ad.get(key.replace("_", "")):
            yield f"sends all output to another place, where the notebooks are not found: remove `{key}`"
    remaps = ad.get("transferoutputremaps")
    if isinstance(remaps, Expression):
        yield "has an expression as `transfer_output_remaps`: write the names themselves"
    elif remaps:
        pairs = split_remaps(remaps)
        sources = map(posixpath.normpath, pairs)
        touched = (source for source in sources if _is_within(source, name) or _is_within(name, source))
        if found := next(touched, ""):
            yield f"brings {found} back to another place: remove it from `transfer_output_remaps`"
            return
        if cycle := next((source for source in pairs if follow_remaps(source, pairs) is None), ""):
            yield (
                f"leads {cycle} back to itself, so that not all comes back, and HTCondor puts the job on hold when it "
                "ends: remove that from `transfer_output_remaps`"
            )
            return
    yield from _find_same_places(ad, name)
    iwd = str(ad.get("iwd") or "")
    for entry in split_list(ad.get("transferinput")):
        if "://" in entry and posixpath.basename(entry.partition("?")[0].rstrip("/")) == name:
            yield f"takes the notebooks from {entry}, but brings them back to another place: list `{name}` instead"
        whole = posixpath.normpath(posixpath.join(iwd, entry))
        if "://" not in entry and arrive(ad, entry) == name and whole != posixpath.normpath(posixpath.join(iwd, name)):
            yield (
                f"takes {whole}, but brings it back to {posixpath.join(iwd, name)}: write `initialdir = "
                f"{posixpath.dirname(whole)}` and `transfer_input_files = {name}`"
            )


def _find_same_places(ad: Ad, name: str) -> Iterator[str]:
    """Yield which other output would come back into the notebook folder, over the notebooks."""
    iwd = str(ad.get("iwd") or "")
    home = posixpath.normpath(posixpath.join(iwd, come_back(ad, name)))
    outputs = {
        output: come_back(ad, output) for output in map(posixpath.normpath, split_list(ad.get("transferoutput")))
    }
    remaps = split_remaps(ad.get("transferoutputremaps"))
    targets = {posixpath.normpath(source): target for source, target in remaps.items() if target}
    for output, place in {**outputs, **targets}.items():
        whole = posixpath.normpath(posixpath.join(iwd, place))
        if output != name and "://" not in place and not _is_within(output, name) and _is_within(whole, home):
            yield f"brings {output} back over the notebooks, as {place}: give it another name, or leave it out"
            return


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def arrive(ad: Ad, entry: str) -> str:
    """Return what an entry of transfer_input_files is in the job's folder; "" for the contents of a folder."""
    is_relative = not entry.startswith("/") and not entry.endswith("/") and "://" not in entry
    if is_relative and ad.get("preserverelativepaths") is True:
        return posixpath.normpath(entry)
    return posixpath.basename(entry)


def find_limits(ad: Ad) -> Iterator[str]:
    """Yield what ends a session that the user may not think of: a predicate, without a period."""
    for key in _TIME_LIMITS:
        limit = _read_number(ad.get(key.replace("_", "")))
        if limit is not None and _SHORTEST <= limit < _HOUR:
            yield f"gives the session {limit / 60:.0f} min (`{key}`)"
    for key, does in (("periodic_remove", "removes the job"), ("periodic_hold", "puts the job on hold")):
        condition = ad.get(key.replace("_", ""))
        if isinstance(condition, Expression) and _CLOCK.search(condition):
            yield f"{does} when `{condition}` is true (`{key}`)"


def _read_number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
