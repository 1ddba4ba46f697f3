"""What goes along with a session is in JupyterLab's file browser, beside the notebooks."""

import pytest

from support.browser.lab import Lab

pytestmark = pytest.mark.timeout(300)


def item(page, name):
    return page.locator(".jp-DirListing-item", has_text=name)


@pytest.mark.slow
def test_a_file_and_a_folder_of_the_access_point_are_in_the_file_browser(new_laptop, pool, page):
    laptop = new_laptop()
    pool.put("ap", f"{laptop.folder}/in/cells.csv", b"cell,size\nfirst,1\n", "alice")
    pool.put("ap", f"{laptop.folder}/in/images/one.txt", b"one picture", "alice")
    folder = f"jupyter/{laptop.name}/in"
    running = laptop.start("--input", f"{folder}/cells.csv", "--input", f"{folder}/images")
    lab = Lab(page, running.url())
    item(page, "cells.csv").wait_for()
    item(page, "images").dblclick()
    item(page, "one.txt").wait_for()
    page.locator(".jp-BreadCrumbs-home").click()
    item(page, "cells.csv").dblclick()
    page.locator(".jp-CSVViewer").wait_for()
    page.locator(".jp-BreadCrumbs-home").click()
    notebook = lab.new_notebook("sizes.ipynb")
    assert notebook.run("open('cells.csv').read() + open('images/one.txt').read()") == (
        r"'cell,size\nfirst,1\none picture'"
    )
