"""Lets `python -m lle.cli` do what `lle` does."""

from lle.cli import main

if __name__ == "__main__":
    main(prog_name="lle")
