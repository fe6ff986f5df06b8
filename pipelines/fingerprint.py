"""Writes the fingerprint of every method and tool, so that a stage runs again only when its own code changed."""

from lle.api import write_fingerprints

if __name__ == "__main__":
    write_fingerprints()
