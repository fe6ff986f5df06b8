"""Looks at what the prompts of the method named on the command line have learned."""

import sys

from lle.api import clip_prompts

if __name__ == "__main__":
    clip_prompts(sys.argv[1])
