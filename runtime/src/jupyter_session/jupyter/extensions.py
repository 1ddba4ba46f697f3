"""Which extensions the server of a session loads, or leaves out, whatever else is installed."""

RECORDER = "jupyter_session.recorder.server_extension"
EXTENSIONS = {
    "jupyter_session.jupyter.extension.server_extension": True,
    "jupyter_session.panel.server_extension": True,
    "jupyter_session.copying.server_extension": True,
    RECORDER: True,  # unless a session is to have none
    # It reads the configuration of Jupyter Notebook before version 7, and loads IPython for that.
    "notebook_shim": False,
}
