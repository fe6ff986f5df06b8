"""Writes the digest of what every method takes from other stages, see `lle.engine.needs`."""

from lle.api import write_needs

if __name__ == "__main__":
    write_needs()
