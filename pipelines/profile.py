"""Profiles the method named on the command line."""

import sys

from lle.api import profile

if __name__ == "__main__":
    profile(sys.argv[1])
