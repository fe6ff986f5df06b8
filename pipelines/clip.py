"""Trains the small CLIP that guides methods where no other is on disk."""

from lle.api import train_clip

if __name__ == "__main__":
    train_clip()
