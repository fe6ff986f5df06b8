"""Evaluates the method named first on the data set named second."""

import sys

from lle.api import evaluate

if __name__ == "__main__":
    evaluate(sys.argv[1], sys.argv[2])
