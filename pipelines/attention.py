"""Draws the attention maps by block of the student named first on the data set named second."""

import sys

from lle.api import attention

if __name__ == "__main__":
    attention(sys.argv[1], sys.argv[2])
