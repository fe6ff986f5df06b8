"""What makes a stage stale, and the only such mechanism: its key.

A key is the code a stage runs, its settings with every default filled in, and its inputs. `closure` follows the code,
`stages` knows the stages, `content` the folders, `pipeline` writes the files that `dvc.yaml` depends on.
"""

from __future__ import annotations

from pathlib import Path

from lle.config.schema import BaseParams
from lle.keys.code import method_code, model_code
from lle.keys.content import content_digest, made_by
from lle.keys.stages import Key, Keys

__all__ = ["Key", "Keys", "content_digest", "folder_digest", "made_by", "method_code", "model_code", "stage_key"]


def stage_key(stage: str, params: BaseParams) -> Key:
    """Returns the key of a stage, such as `train/sci`; see `Keys.key`."""
    return Keys(params).key(stage)


def folder_digest(folder: Path) -> str | None:
    """Returns the digest of a folder's content, of a model also with its code; None where there is no such folder."""
    return content_digest(folder, model_code)
