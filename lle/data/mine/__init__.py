"""Rendered coal-mine roadways: scenes from a seed, a renderer for two light states, and a reader that needs neither.

`python -m lle.data.mine render` makes the set (extra `render`); `load_scene` reads a scene of it; `make_pair` takes the pictures of it.
"""

from lle.data.mine.materials import CLASSES, COLOURS
from lle.data.mine.plan import PAIR_KINDS
from lle.data.mine.store import SceneData, finished, load_scene

__all__ = ["CLASSES", "COLOURS", "PAIR_KINDS", "SceneData", "finished", "load_scene"]
