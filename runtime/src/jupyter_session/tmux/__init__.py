"""The tmux session, and a terminal that follows the size of the user's."""
