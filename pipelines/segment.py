"""Lets the judge of the data set named second segment what the method named first has enhanced."""

import sys

from lle.api import segment

if __name__ == "__main__":
    segment(sys.argv[1], sys.argv[2])
