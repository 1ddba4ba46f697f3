"""Processes of another session of the same account are left out, whatever they are called."""

from dataclasses import dataclass

from jupyter_session.activity.neighbors import Neighbors


@dataclass(frozen=True)
class Proc:
    pid: int
    started: int = 1

    @property
    def id(self):
        return self.pid, self.started


def look(session, environs, *, contained=True):
    def read(pid):
        if environs[pid] is None:
            raise PermissionError
        return environs[pid]

    neighbors = Neighbors(session, read)
    table = {pid: Proc(pid) for pid in environs}
    return list(neighbors.leave_out(table, contained=contained)), neighbors, table


def test_processes_with_another_id_are_left_out():
    environs = {1: b"", 2: b"A=1\0JUPYTER_SESSION_ID=ours\0", 3: b"JUPYTER_SESSION_ID=theirs\0B=2\0", 4: None}
    assert look("ours", environs)[0] == [1, 2, 4]


def test_processes_of_another_container_are_left_out_where_they_can_be_seen():
    environs = {1: b"", 2: b"JUPYTER_SESSION_ID=ours\0", 4: None}
    assert look("ours", environs, contained=False)[0] == [1, 2]


def test_an_id_stays_when_the_environment_can_no_longer_be_read():
    environs = {3: b"JUPYTER_SESSION_ID=theirs\0"}
    kept, neighbors, table = look("ours", environs)
    environs[3] = None
    assert kept == list(neighbors.leave_out(table, contained=True)) == []
    assert list(neighbors.leave_out({3: Proc(3, started=2)}, contained=True)) == [3]  # the number was used again


def test_name_that_only_contains_the_variable_is_no_mark():
    assert look("ours", {5: b"NOT_JUPYTER_SESSION_ID=theirs\0"})[0] == [5]


def test_session_without_an_id_sees_all():
    assert look("", {3: b"JUPYTER_SESSION_ID=theirs\0"})[0] == [3]
