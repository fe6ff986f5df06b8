"""What is written below each key of a settings model: read when the file or its schema is written, and not at every start.

pydantic can do this while it builds a class (`use_attribute_docstrings`), which took half of the time in which `lle` starts.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema


@functools.cache
def key_docs(model: type[BaseModel]) -> dict[str, str]:
    """Returns the docstring below each key of a model and of the models that it extends; keys without one are left out.

    Args:
        model: was written in a file of Python; one that was made while running has what its parents have.
    """
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base is BaseModel or not issubclass(base, BaseModel):
            continue
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except (OSError, TypeError):
            continue
        body = ast.parse(source).body[0]
        assert isinstance(body, ast.ClassDef)
        for key, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name) and isinstance(below, ast.Expr):
                docs.pop(key.target.id, None)
                if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
                    docs[key.target.id] = inspect.cleandoc(below.value.value)
    return {key: text for key, text in docs.items() if key in model.model_fields}


class WithKeyDocs(GenerateJsonSchema):
    """JSON schema whose properties are described by the docstrings below the keys."""

    def model_schema(self, schema: Any) -> dict[str, Any]:
        """Generates the schema of one model."""
        found = super().model_schema(schema)
        for key, text in key_docs(schema["cls"]).items():
            found["properties"][key].setdefault("description", text)
        return found
