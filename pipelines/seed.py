"""Trains and measures the method named first with the seed named second."""

import sys

from lle.api import seed

if __name__ == "__main__":
    seed(sys.argv[1], int(sys.argv[2]))
