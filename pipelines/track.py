"""Brings the MLflow store up to date."""

from lle.api import sync

if __name__ == "__main__":
    print(sync())
