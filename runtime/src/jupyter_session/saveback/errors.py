"""Why one file is not saved now. The others are."""


class LeftOutError(Exception):
    """A file can't be saved, for a reason that lies with the file. The message is the reason."""


class ChangedError(Exception):
    """A file changed here while it was read."""
