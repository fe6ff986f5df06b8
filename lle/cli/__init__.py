"""The command `lle`: each command is one call on `lle.Project` or `lle.Enhancer`, and prints what that returns."""

from lle.cli.commands import main

__all__ = ["main"]
