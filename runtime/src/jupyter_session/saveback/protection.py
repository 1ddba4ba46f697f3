"""What protects the access point's files at the end of a session whose supervisor was killed."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from jupyter_session.condor.chirp import ChirpClient
from jupyter_session.condor.chirp_errors import ChirpError
from jupyter_session.condor.job_ad import Job
from jupyter_session.core.background import call_in_time
from jupyter_session.saveback.access_point import AccessPoint
from jupyter_session.saveback.copier import Copier
from jupyter_session.saveback.destination import OffError, find_destination
from jupyter_session.saveback.ledger import Ledger
from jupyter_session.saveback.plan import Limits
from jupyter_session.saveback.report import Report
from jupyter_session.saveback.scan import compile_patterns
from jupyter_session.settings import Settings

_LOG = logging.getLogger(__name__)
_NOT_COMPARED = "The notebooks could not be compared with those on the access point: {}."


def protect_files(
    settings: Settings,
    job: Job | None,
    folder: Path,
    journal: Path,
    seconds: float,
    *,
    environ: Mapping[str, str] = os.environ,
) -> Report:
    """Keep HTCondor from overwriting what has changed on the access point, for at most `seconds`.

    `journal` is what the session's save-back wrote down; without it, nothing is known, and nothing is done.
    """

    def make_copier() -> Copier:
        return Copier(
            str(folder),
            job.id if job else "",
            Limits(settings.save_max_file, settings.save_max_total),
            compile_patterns(settings.save_exclude),
            make_ledger=lambda _: Ledger.recall(journal),
        )

    def work() -> Report:
        try:
            place = find_destination(settings, job, folder, environ)
            return _protect(make_copier, place.folder, time.monotonic() + seconds)
        except OffError as error:
            return Report(off=str(error))
        except FileNotFoundError:
            return Report(off="The supervisor was killed before it looked at the notebooks.")
        except (ChirpError, OSError) as error:
            return Report(problem=_NOT_COMPARED.format(error))
        except Exception as error:  # noqa: BLE001 - the session ends all the same
            _LOG.debug("the files are not compared", exc_info=True)
            return Report(problem=_NOT_COMPARED.format(repr(error)))

    try:
        return call_in_time(work, seconds)
    except TimeoutError:
        return Report(problem=_NOT_COMPARED.format("there was not enough time"))


def _protect(make_copier: Callable[[], Copier], place: str, until: float) -> Report:
    copier = make_copier()
    with ChirpClient.connect(max(0.1, until - time.monotonic())) as chirp:
        chirp.limit_time(until - time.monotonic())
        there = AccessPoint(chirp, place, copier.folder)
        copier.protect(there)
        copier.clean_up(there)
    return copier.report(time.monotonic())
