"""Settings: one table, four origins, and an error that names the offender."""

from pathlib import Path

import pytest

from jupyter_session.errors import UsageError
from jupyter_session.settings import resolve


def test_defaults_hold_when_nothing_is_given():
    settings = resolve({}, {}, {})
    assert settings.notebooks == Path("notebooks")
    assert settings.idle_timeout == 1800
    assert settings.idle_warning == 300
    assert settings.port_range is None


def test_arguments_come_before_the_environment_and_that_before_the_job_ad():
    ad = {"jupyteridletimeout": "1h"}
    environ = {"JUPYTER_SESSION_IDLE_TIMEOUT": "2h"}
    assert resolve({}, {}, ad).idle_timeout == 3600
    assert resolve({}, environ, ad).idle_timeout == 7200
    assert resolve({"idle_timeout": "3h"}, environ, ad).idle_timeout == 10800


def test_a_number_in_the_job_ad_is_seconds():
    assert resolve({}, {}, {"jupyteridletimeout": 90}).idle_timeout == 90


def test_sizes_are_bytes_and_the_guards_share_is_a_fraction():
    settings = resolve({"memory_guard": " 95.5 % ", "save_max_file": "1.5MB"}, {}, {"jupytersavemaxtotal": 0})
    assert (settings.memory_guard, settings.save_max_file, settings.save_max_total) == (0.955, 3 << 19, 0)
    assert resolve({}, {}, {}).memory_guard == 0.97
    assert resolve({"memory_guard": "Never"}, {}, {}).memory_guard is None


def test_patterns_stand_between_commas():
    assert resolve({}, {}, {}).save_exclude == (".ipynb_checkpoints", "__pycache__")
    assert resolve({"save_exclude": "*.ckpt,, my data ,"}, {}, {}).save_exclude == ("*.ckpt", "my data")
    assert resolve({"save_exclude": ""}, {}, {}).save_exclude == ()


def test_never_is_no_timeout():
    assert resolve({"idle_timeout": "never"}, {}, {}).idle_timeout is None


@pytest.mark.parametrize(
    ("arguments", "environ", "ad", "offender"),
    [
        (
            {"idle_timeout": "soon"},
            {},
            {},
            "--idle-timeout: Invalid duration 'soon'. Use a value such as 90s, 30m, or 1h30m.",
        ),
        ({}, {"JUPYTER_SESSION_PORT_RANGE": "9-8"}, {}, "Environment variable JUPYTER_SESSION_PORT_RANGE"),
        ({}, {}, {"jupyteridlewarning": "x"}, "Job attribute JupyterIdleWarning"),
        ({"idle_timeout": "0"}, {}, {}, "--idle-timeout: Invalid duration '0'"),
        ({"notebooks": ""}, {}, {}, "--notebooks"),
        ({"access_point": "a b@c"}, {}, {}, "--access-point"),
        ({"access_point": "a@-oProxyCommand=x"}, {}, {}, "--access-point"),
        ({"access_point": "-x@host"}, {}, {}, "--access-point"),
        ({"memory_guard": "49%"}, {}, {}, "--memory-guard: Invalid share of memory '49%'"),
        ({"memory_guard": "101%"}, {}, {}, "from 50% to 100%, or never"),
        ({"memory_guard": "0.97"}, {}, {}, "--memory-guard"),
        ({"memory_guard": "-97%"}, {}, {}, "--memory-guard"),
        ({"memory_guard": ""}, {}, {}, "--memory-guard"),
        ({}, {}, {"jupytermemoryguard": 97}, "Job attribute JupyterMemoryGuard"),
        ({"save_max_file": "big"}, {}, {}, "--save-max-file: Invalid size 'big'"),
        ({"save_max_file": "-1"}, {}, {}, "--save-max-file"),
        ({"save_max_total": "never"}, {}, {}, "--save-max-total"),
        ({}, {"JUPYTER_SESSION_SAVE_MAX_TOTAL": "2 XB"}, {}, "JUPYTER_SESSION_SAVE_MAX_TOTAL"),
        ({"stall_timeout": "0"}, {}, {}, "--stall-timeout: Invalid duration '0'"),
        ({"max_runtime": "0s"}, {}, {}, "--max-runtime: Invalid duration '0s'"),
        ({"max_extend": "never"}, {}, {}, "--max-extend: Invalid duration 'never'"),
    ],
)
def test_a_bad_value_is_refused_with_its_origin(arguments, environ, ad, offender):
    with pytest.raises(UsageError) as caught:
        resolve(arguments, environ, ad)
    assert offender in str(caught.value)
    assert "\n" not in str(caught.value)
