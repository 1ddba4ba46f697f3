"""What the commands of `chtc-jupyter` do."""
