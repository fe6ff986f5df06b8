"""Runs the study named on the command line, or writes what all studies depend on, or the index of their results."""

import sys

from lle.api import study, write_study_index, write_study_keys

if __name__ == "__main__":
    if sys.argv[1] == "--keys":
        write_study_keys()
    elif sys.argv[1] == "--index":
        write_study_index()
    else:
        study(sys.argv[1])
