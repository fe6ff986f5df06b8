"""Trains the judge of the segmentation set named on the command line."""

import sys

from lle.api import judge

if __name__ == "__main__":
    judge(sys.argv[1])
