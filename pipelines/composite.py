"""Measures the composite index of the distillation paper."""

from lle.api import composite

if __name__ == "__main__":
    composite()
