"""Builds the leaderboard and the HTML report."""

from lle.api import report

if __name__ == "__main__":
    report()
