"""A job event log means the same in each of HTCondor's formats: text with any date, XML, and JSON, even mixed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chtc_condor.codes import JobEventType
from chtc_condor.event_log import EventReader, measure_complete, parse_events

SAID = '{"state": "ready", "reason": "Is <\\"well\\"> & 5 \\\\ ä."}'
#: As HTCondor 25.14 wrote them.
XML_EXECUTE = """<c>
    <a n="Proc"><i>0</i></a>
    <a n="MyType"><s>ExecuteEvent</s></a>
    <a n="Cluster"><i>33</i></a>
    <a n="SlotName"><s>slot1_1@ep1</s></a>
    <a n="EventTime"><s>2026-11-28T17:44:11.251</s></a>
    <a n="ExecuteHost"><s>&lt;10.77.0.20:9618?alias=ep1&amp;sock=startd_31_27ee&gt;</s></a>
    <a n="ExecuteProps"><c>
        <a n="Cpus"><i>1</i></a>
        <a n="AvailableGPUs"><l></l></a>
    </c></a>
    <a n="EventTypeNumber"><i>1</i></a>
</c>
"""
XML_READY = r"""<c>
    <a n="Info"><s>jupyter-session {"state": "ready", "reason": "Is &lt;\\"well\\"&gt; &amp; 5 \\\\ \303\244."}</s></a>
    <a n="Proc"><i>0</i></a>
    <a n="MyType"><s>GenericEvent</s></a>
    <a n="Cluster"><i>33</i></a>
    <a n="EventTime"><s>2026-11-28T17:44:11</s></a>
    <a n="EventTypeNumber"><i>8</i></a>
</c>
"""
TEXT_READY = f"008 (033.000.000) 11/28 17:44:11.268Z jupyter-session {SAID}\n...\n"


def render_json(number, **facts):
    ad = {"Proc": 0, "Cluster": 33, "EventTime": "2026-11-28T17:44:12.5", "EventTypeNumber": int(number), **facts}
    return json.dumps(ad, indent=2, ensure_ascii=False) + "\n"


def render_xml(number, **facts):
    """Return an event as HTCondor writes it: backslashes doubled, other than ASCII as octal bytes, then as XML."""

    def escape(text):
        bytewise = "".join(
            "\\\\" if byte == 92 else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in text.encode()
        )
        return bytewise.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    ad = {"Proc": 0, "Cluster": 33, "EventTime": "2026-11-28T17:44:12.5", "EventTypeNumber": int(number), **facts}
    lines = [
        f'    <a n="{name}"><{kind}>{escape(str(found))}</{kind}></a>\n'
        for name, found in ad.items()
        for kind in ["i" if isinstance(found, int) else "s"]
    ]
    return "".join(["<c>\n", *lines, "</c>\n"])


def events(text):
    return list(parse_events(text.encode()))


def test_announcement_is_the_same_in_text_xml_and_json():
    [text], [xml] = events(TEXT_READY), events(XML_READY)
    [as_json] = events(render_json(8, Info=f"jupyter-session {SAID}"))
    assert text.announcement == xml.announcement == as_json.announcement
    assert text.announcement["reason"] == 'Is <"well"> & 5 \\ ä.'
    assert text.job == xml.job == as_json.job == "33.0"
    assert xml.at == "2026-11-28 17:44:11"


@pytest.mark.parametrize("render", [render_json, render_xml])
def test_reasons_and_codes_are_found_in_each_format(render):
    held, evicted, lost, failed, ended, of_node, removed = events(
        render(JobEventType.JOB_HELD, HoldReason="Too big", HoldReasonCode=34, HoldReasonSubCode=0)
        + render(JobEventType.JOB_EVICTED, Reason="via condor_rm")
        + render(JobEventType.JOB_DISCONNECTED, DisconnectReason="Socket closed", StartdName="slot1@ep1")
        + render(JobEventType.REMOTE_ERROR, ErrorMsg="No such image", HoldReasonCode=12)
        + render(JobEventType.JOB_TERMINATED, TerminatedNormally=True, ReturnValue=3)
        + render(JobEventType.SUBMIT, SubmitHost="<x>", LogNotes="DAG Node: session")
        + render(JobEventType.JOB_ABORTED, Reason="via condor_rm (by user alice)")
    )
    assert (held.reason, held.code) == ("Too big", 34)
    assert evicted.reason == "via condor_rm"
    assert lost.reason == "Socket closed"
    assert (failed.reason, failed.code) == ("No such image", 12)
    assert "return value 3" in ended.reason
    assert of_node.node == "session"
    assert removed.reason == "via condor_rm (by user alice)"


def test_transfer_is_told_as_in_text():
    assert [
        event.text for event in events(render_xml(40, Type=1) + render_json(40, Type=5) + render_xml(40, Type=9))
    ] == [
        "Entered queue to transfer input files",
        "Started transferring output files",
        "",
    ]


def test_one_log_may_have_events_of_all_formats_and_none_counts_before_it_is_whole():
    text = XML_EXECUTE + TEXT_READY + render_json(8, Info="x") + XML_READY
    assert [event.type for event in events(text)] == [1, 8, 8, 8]
    ends = {len(part.encode()) for part in (XML_EXECUTE, XML_EXECUTE + TEXT_READY)}
    ends |= {len(text.encode()), len((XML_EXECUTE + TEXT_READY + render_json(8, Info="x")).encode()), 0}
    data = text.encode()
    assert {measure_complete(data[:cut]) for cut in range(len(data) + 1)} == ends


def test_event_that_was_cut_off_does_not_hide_those_after_it():
    assert [event.type for event in events("001 (033.000.000) 2026-11-28 17:44:11 Job\n" + XML_READY)] == [8]
    assert [event.type for event in events("<c>\n  <a n=\n</c>\n" + "{\n  nonsense\n}\n" + TEXT_READY)] == [8]
    assert events("<c>\n    <a n='Proc'></a>\n</c>\n{\n}\n") == []


@given(st.text())
def test_what_a_session_says_is_read_alike_in_xml_and_json(said):
    info = "jupyter-session " + json.dumps({"reason": said.encode(errors="replace").decode()})
    [xml], [as_json] = events(render_xml(8, Info=info)), events(render_json(8, Info=info))
    assert xml.announcement == as_json.announcement != {}


LINES = ["<c>", "</c>", "{", "}", "...", '  "Proc": 0', "008 (1.0.0) 1 1 x", "   <a n='x'/>"]


@given(st.lists(st.sampled_from(LINES)))
def test_no_order_of_lines_breaks_the_reader(lines):
    reader = EventReader()
    for line in lines:
        reader.feed(line)
