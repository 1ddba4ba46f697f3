"""What a machine demands of a job in its START expression, and what a job lacks of it (report R7)."""

import pytest

from chtc_jupyter.commands import config
from chtc_jupyter.condor import match_analysis, opt_in
from chtc_jupyter.condor.match_analysis import Amounts, Analysis, Slot

FITS = Amounts(8000, 4, 1, 50000, 40000)


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        ("(true) && (TARGET.WantGPULab =?= True)", [("WantGPULab", "true")]),
        ("TARGET.IsBuildJob", [("IsBuildJob", "true")]),
        ("IsBuildJob =?= true", [("IsBuildJob", "true")]),
        ("TARGET.Foo isnt undefined", [("Foo", "true")]),
        ("TARGET.Foo =!= UNDEFINED && TARGET.RequestGPUs > 0", [("Foo", "true")]),
        ('"short" == TARGET.Kind && (TARGET.A == 3)', [("Kind", '"short"'), ("A", "3")]),
        ("(TARGET.A =?= true || TARGET.B =?= true) && TARGET.C =?= true", [("A", "true"), ("C", "true")]),
        ("((((TARGET.A ?: false))))", [("A", "true")]),
        ('TARGET.Group == "a && b" && true', [("Group", '"a && b"')]),
        ("!TARGET.IsLong && TARGET.Foo =!= true && TARGET.Foo is undefined", []),
        ('ifThenElse(TARGET.Kind =?= "short", 120, 240) > 100', []),
        ("TARGET.ImageSize < 100 && KeyboardIdle > 900", []),
        ('stringListMember(TARGET.Kind, "short, medium")', [("Kind", '"short"')]),
        ('GPUJobLength == "short" || GPUJobLength == "medium"', [("GPUJobLength", '"short"')]),
        ('Arch == "X86_64" && Draining =?= true', []),
        ("true", []),
        ("", []),
        ('((TARGET.A =?= "x', []),
    ],
)
def test_demands_of_a_start_expression(start, asked):
    assert opt_in.find_opt_ins(start, {"gpujoblength"}) == asked


def test_names_that_may_be_the_machines_are_listed_to_be_looked_up():
    starts = ['(Arch == "X86_64" && (A == 1 || TARGET.B == 2)) && KeyboardIdle > 9', "true && WantX && c =?= true"]
    assert opt_in.list_bare_names(starts) == ["A", "Arch", "c"]


@pytest.mark.parametrize(
    ("job", "lacking"),
    [
        ({}, ['+Kind = "short"']),
        ({"Kind": "long"}, ['+Kind = "short"']),
        ({"kind": "MEDIUM"}, []),
        ({"Kind": "/Expr(x)/"}, []),
        ({"Kind": 3}, ['+Kind = "short"']),
    ],
)
def test_setting_with_a_value_that_no_machine_takes_is_lacking(job, lacking):
    assert opt_in.list_lacking(['TARGET.Kind == "short" || TARGET.Kind == "medium"'], job) == lacking


def test_only_what_the_job_lacks_counts_most_common_first():
    starts = ["TARGET.A =?= true", "TARGET.B =?= true && TARGET.Has", "TARGET.B =?= true"]
    assert opt_in.list_lacking(starts, {"has": True}) == ["+B = true", "+A = true"]
    ads = [{"Machine": "m", "Start": "/Expr(TARGET.A =?= true)/"}, {"Machine": "other", "Start": "/Expr(x)/"}]
    assert opt_in.parse_starts(ads, ["m"]) == ["TARGET.A =?= true"]


def test_reason_names_the_attribute_and_how_to_set_it():
    slots = [Slot("m", accepts=False, whole=FITS, free=FITS)]
    said = match_analysis.explain(
        Analysis([], {"unwilling": 1}), Amounts(1000, 1, 1), slots, "", ["+WantGPULab = true"]
    )
    assert "1 machine could run it but takes only jobs with --set '+WantGPULab = true'" in said
    assert "`chtc-jupyter config set '+WantGPULab = true'`" in said
    busy = [*slots, Slot("n", accepts=True, whole=FITS, free=Amounts())]
    said = match_analysis.explain(Analysis([], {}), Amounts(1000, 1, 1), busy, "", ["+WantGPULab = true"])
    assert "busy" in said
    assert "others take only jobs with --set '+WantGPULab = true'" in said


def test_settings_are_kept_in_the_config_and_the_command_line_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    config.save(config.update({}, "set", '+WantGPULab = true; requirements = Foo == "a;b"'))
    kept = config.load()["set"]
    assert kept == ["+WantGPULab = true", 'requirements = Foo == "a;b"']
    assert config.describe_value("set", config.load()) == 'set = +WantGPULab = true; requirements = Foo == "a;b"'
    assert config.merge_settings(kept, ["My.wantgpulab = false"]) == [kept[1], "My.wantgpulab = false"]
    assert config.update({"set": kept}, "set", "") == {}
    for wrong in ("nonsense", "queue = 5", "log = x"):
        with pytest.raises(config.UsageError):
            config.update({}, "set", wrong)
