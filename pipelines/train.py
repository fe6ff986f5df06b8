"""Trains the method named on the command line."""

import sys

from lle.api import train

if __name__ == "__main__":
    print(train(sys.argv[1]))
