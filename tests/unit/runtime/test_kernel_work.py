"""What the status messages of a kernel say of its work, and what is asked where they leave a doubt."""

import pytest

from jupyter_session.jupyter.extension.kernel_work import ASK_AFTER, PATIENCE, Claim, KernelWork, Status, Wanted

FRESH = Claim(state="idle", last_activity="0")


def work(claim=FRESH, *, is_known=True):
    """Return the work of a process that was asked and has answered long ago, or of a new one."""
    kernel = KernelWork(claim, -100.0 if is_known else 0.0)
    if is_known:
        ask(kernel, -100)
        note(kernel, -100, "busy q", "idle q", kind="kernel_info_request")
        kernel.note_answer(-100, is_serial=True)
    return kernel


def note(kernel, now, *messages, kind="execute_request", subshell=None):
    for message in messages:
        state, request = message.split()
        kernel.note_status(Status(state=state, request=request, kind=kind, shell=subshell), now)


def ask(kernel, now, request="q"):
    wanted = kernel.want_question(now)
    assert wanted
    kernel.note_question(request, wanted, now)
    return wanted


@pytest.mark.parametrize(
    "kind", ["kernel_info_request", "complete_request", "create_subshell_request", "debug_request"]
)
def test_a_request_that_runs_no_code_of_the_user_is_no_work(kind):
    kernel = work()
    note(kernel, 1, "busy a", kind=kind)
    assert not kernel.is_at_work(1)
    note(kernel, 2, "busy cell")
    note(kernel, 3, "busy b", "idle b", kind=kind)
    assert kernel.is_at_work(3)


@pytest.mark.parametrize("kind", ["execute_request", "comm_msg", "comm_open"])
def test_a_cell_or_a_callback_is_work_until_its_own_end(kind):
    kernel = work()
    note(kernel, 1, "busy a", kind=kind)
    note(kernel, 2, "busy b", "idle b")
    assert kernel.is_at_work(3)
    note(kernel, 4, "idle a", kind=kind)
    assert not kernel.is_at_work(4)
    assert kernel.changes == 4


def test_a_cell_whose_end_was_lost_ends_with_the_answer_to_the_one_question_about_it():
    kernel = work()
    note(kernel, 0, "busy a")
    assert kernel.want_question(ASK_AFTER - 1) is None
    assert ask(kernel, ASK_AFTER) == Wanted(None)
    assert kernel.want_question(ASK_AFTER + 3600) is None  # one question is enough
    assert kernel.is_at_work(ASK_AFTER + 3600)
    kernel.note_answer(4000, is_serial=True)
    assert not kernel.is_at_work(4000 + PATIENCE)
    assert kernel.want_question(8000) is None


def test_a_cell_that_began_after_the_answer_goes_on():
    kernel = work()
    note(kernel, 0, "busy a")
    ask(kernel, 40)
    note(kernel, 50, "busy b")
    note(kernel, 51, "busy q", "idle q", kind="kernel_info_request")
    note(kernel, 52, "busy c")
    kernel.note_answer(53, is_serial=True)
    assert kernel.is_at_work(53)
    note(kernel, 60, "idle c")
    assert not kernel.is_at_work(60)


def test_the_question_about_a_cell_goes_to_the_shell_that_runs_it():
    kernel = work()
    note(kernel, 0, "busy a", subshell="s")
    note(kernel, 1, "busy b")
    assert ask(kernel, 40) == Wanted("s")
    kernel.note_answer(41, is_serial=True)
    assert kernel.is_at_work(41)  # in the main shell
    assert ask(kernel, 42) == Wanted(None)


def test_a_kernel_that_answers_at_work_is_believed_by_its_messages_alone():
    kernel = work()
    note(kernel, 0, "busy a")
    ask(kernel, 40)
    kernel.note_answer(41, is_serial=False)
    assert kernel.is_at_work(41)
    assert kernel.want_question(100) is None


def test_a_kernel_that_was_there_before_us_is_asked_and_is_at_work_if_it_does_not_answer():
    kernel = work(is_known=False)
    assert ask(kernel, 0) == Wanted(None, is_doubt=True)
    assert not kernel.is_at_work(PATIENCE - 1)
    assert kernel.is_at_work(PATIENCE)
    note(kernel, 100, "busy q", "idle q", kind="kernel_info_request")
    kernel.note_answer(100, is_serial=True)
    assert not kernel.is_at_work(200)
    assert kernel.want_question(200) is None


def test_a_new_process_is_asked_until_it_was_heard_so_that_no_cell_runs_unseen():
    kernel = work(Claim(state="starting", last_activity="0"), is_known=False)
    for now in range(5):
        ask(kernel, now)
        kernel.note_answer(now, is_serial=True)  # its `busy` was published before it was listened to
        assert not kernel.is_at_work(now)
    ask(kernel, 5)  # behind a cell that was sent after the last question
    assert kernel.is_at_work(5 + PATIENCE)
    assert kernel.is_at_work(3600)
    note(kernel, 3600, "busy q", kind="kernel_info_request")
    kernel.note_answer(3600, is_serial=True)
    assert not kernel.is_at_work(3601 + PATIENCE)
    assert kernel.want_question(3602) is None


def test_a_kernel_that_answers_and_never_publishes_anything_is_left_alone_at_last():
    kernel = work(is_known=False)
    asked = 0
    while kernel.want_question(asked):
        ask(kernel, asked)
        kernel.note_answer(asked, is_serial=True)
        asked += 1
    assert 1 < asked < 100
    assert not kernel.is_at_work(asked)


def test_a_kernel_that_only_jupyter_takes_for_busy_is_asked_once_and_our_question_is_no_activity():
    kernel = work()
    flood = Claim(state="busy", last_activity="1")
    for now in range(10, 13):
        kernel.note_claim(flood, now)
    assert kernel.last_activity == "1"
    assert ask(kernel, 13).is_doubt
    kernel.note_answer(13, is_serial=True)
    for now in range(14, 1000):
        kernel.note_claim(Claim(state="busy", last_activity="ours"), now)
        assert kernel.want_question(now) is None
        assert not kernel.is_at_work(now)
    assert kernel.last_activity == "1"
    for now in range(1000, 1003):
        kernel.note_claim(Claim(state="busy", last_activity="2"), now)
    assert kernel.last_activity == "2"
    assert kernel.want_question(1003)


def test_a_kernel_that_replaced_itself_in_a_cell_is_asked_though_jupyter_says_that_it_starts():
    kernel = work()
    note(kernel, 0, "busy a")
    kernel.note_claim(Claim(state="starting", last_activity="0"), 1)
    ask(kernel, ASK_AFTER)
    kernel.note_answer(ASK_AFTER + 1, is_serial=True)
    assert not kernel.is_at_work(ASK_AFTER + 1)


def test_a_new_process_that_says_so_voids_what_ran():
    kernel = work()
    note(kernel, 0, "busy a")
    kernel.note_status(Status(state="starting", request="", kind=""), 1)
    assert not kernel.is_at_work(1)


def test_requests_whose_ends_are_all_lost_fill_no_memory():
    kernel = work()
    for number in range(5000):
        note(kernel, number, f"busy {number}")
    assert len(kernel._requests) <= 1000
