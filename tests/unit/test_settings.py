"""Settings: one table, four origins, and an error that names the offender."""

from pathlib import Path

import pytest

from jupyter_session.errors import UsageError
from jupyter_session.settings import TABLE, resolve


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


def test_never_is_no_timeout():
    assert resolve({"idle_timeout": "never"}, {}, {}).idle_timeout is None


@pytest.mark.parametrize(
    ("arguments", "environ", "ad", "offender"),
    [
        ({"idle_timeout": "soon"}, {}, {}, "--idle-timeout: 'soon'"),
        ({}, {"JUPYTER_SESSION_PORT_RANGE": "9-8"}, {}, "the environment variable JUPYTER_SESSION_PORT_RANGE"),
        ({}, {}, {"jupyteridlewarning": "x"}, "the job attribute JupyterIdleWarning"),
        ({"idle_timeout": "0"}, {}, {}, "too short"),
        ({"notebooks": ""}, {}, {}, "--notebooks"),
        ({"access_point": "a b@c"}, {}, {}, "--access-point"),
        ({"access_point": "a@-oProxyCommand=x"}, {}, {}, "--access-point"),
        ({"access_point": "-x@host"}, {}, {}, "--access-point"),
    ],
)
def test_a_bad_value_is_refused_with_its_origin(arguments, environ, ad, offender):
    with pytest.raises(UsageError) as caught:
        resolve(arguments, environ, ad)
    assert offender in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_setting_is_in_the_readme_with_its_default_and_help():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for setting in TABLE:
        assert f"| `{setting.flag} {setting.metavar}` | {setting.default or '-'} | {setting.help} |" in readme
