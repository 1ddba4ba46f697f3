"""What a user does with a session: paste the line, open the URL, work, and find it all again."""

import pytest

from support.browser.lab import Lab
from support.packet_loss import silence
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)


def test_pasted_line_opens_lab_with_nothing_to_dismiss_and_a_new_notebook_computes(new_session, page):
    session = new_session().submit()
    session.ready()
    lab = Lab(page, session.tunnel().url())
    notebook = lab.new_notebook("answer.ipynb")
    assert notebook.run("6*7") == "42"
    assert lab.popups() == []


def with_a_variable(new_session, page):
    """Open a session in the browser and set `kept` in a kernel; return it, its tunnel, the address and the notebook."""
    session = new_session().submit()
    session.ready()
    tunnel = session.tunnel()
    url = tunnel.url()
    notebook = Lab(page, url).new_notebook("kept.ipynb")
    notebook.run("kept = 'still here'")
    return session, tunnel, url, notebook


def test_tab_finds_its_kernel_again_after_the_tunnel_was_killed_and_pasted_again(new_session, page):
    session, tunnel, url, notebook = with_a_variable(new_session, page)
    tunnel.close()
    notebook.wait_cut_off()
    assert session.tunnel().url() == url
    notebook.wait_back()
    assert notebook.run("kept") == "'still here'"


@pytest.mark.slow
def test_tab_finds_its_kernel_again_after_a_minute_without_network(new_session, page):
    session, tunnel, url, notebook = with_a_variable(new_session, page)
    with silence(session.pool, tunnel):
        tunnel.wait_end(90)  # ssh gives up by itself, and the laptop's shell prompts again
        notebook.wait_cut_off()
    again = session.tunnel()
    assert again.url() == url
    notebook.wait_back()
    assert notebook.run("kept") == "'still here'"
    # The access point learns only now that the first connection is dead; that must not end the second.
    wait_for(lambda: len(logins(session)) == 1, 120, "the first connection to end on the access point")
    assert notebook.run("kept + ', later'") == "'still here, later'"
    assert Lab(page, url).open_notebook("kept.ipynb").run("kept") == "'still here'"


@pytest.mark.slow
def test_kernel_outlives_a_killed_browser(new_session, laptop_browser):
    session = new_session().submit()
    session.ready()
    url = session.tunnel().url()
    first = laptop_browser()
    notebook = Lab(first.new_page(), url).new_notebook("kept.ipynb")
    notebook.run("kept = 'still here'")
    notebook.save()
    first.kill()
    notebook = Lab(laptop_browser().new_page(), url).open_notebook("kept.ipynb")
    assert notebook.run("kept") == "'still here'"


@pytest.mark.slow
def test_saved_notebook_opens_after_the_job_was_vacated_and_restarted(new_session, laptop_browser):
    session = new_session().submit()
    session.ready()
    notebook = Lab(laptop_browser().new_page(), session.tunnel().url()).new_notebook("kept.ipynb")
    notebook.run("6*7")
    notebook.save()
    session.ap("condor_vacate_job", session.job, check=True)
    wait_for(lambda: session.states().count("ready") == 2, 120, "the second run to be ready")
    notebook = Lab(laptop_browser().new_page(), session.tunnel().url()).open_notebook("kept.ipynb")
    assert notebook.shows(0, "42")


def logins(session):
    """Return the tunnels of a session that the access point has."""
    pattern = f"^condor_ssh_to_job -auto-retry .* {session.job} set -- jupyter-session;.* wait "
    return session.pool.exec("ap", ["pgrep", "-f", pattern]).stdout.split()
