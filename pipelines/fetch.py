"""Makes or fetches the data set named on the command line."""

import sys

from lle.api import prepare

if __name__ == "__main__":
    prepare(sys.argv[1])
