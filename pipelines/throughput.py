"""Measures how fast batches are made and how fast they are trained on."""

from lle.api import throughput

if __name__ == "__main__":
    throughput()
