"""Counts parameters and multiply-accumulates of every method, trained or not."""

from lle.api import costs

if __name__ == "__main__":
    costs()
