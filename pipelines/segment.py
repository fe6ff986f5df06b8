"""Lets the judge of a data set segment what methods have enhanced: the method and the set, or the set alone for all of the suite."""

import sys

from lle.api import segment, segment_suite

if __name__ == "__main__":
    if len(sys.argv) == 2:
        segment_suite(sys.argv[1])
    else:
        segment(sys.argv[1], sys.argv[2])
