"""Which extensions the server of a session loads, or leaves out, whatever else is installed."""

EXTENSIONS = {
    "jupyter_session.jupyter.extension.server_extension": True,
    "jupyter_session.panel.server_extension": True,
    "jupyter_session.copying.server_extension": True,
    # It reads the configuration of Jupyter Notebook before version 7, and loads IPython for that.
    "notebook_shim": False,
}
