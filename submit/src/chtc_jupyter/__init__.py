"""JupyterLab as an HTCondor job, from the laptop: `chtc-jupyter start`, and the browser opens."""

__version__ = "0.1.0"
