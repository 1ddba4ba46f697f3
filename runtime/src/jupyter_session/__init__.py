"""JupyterLab as an HTCondor job: the part that runs inside the image."""

__version__ = "0.1.0"
