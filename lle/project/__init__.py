"""One object over `params.yaml`: everything the command line does, as methods.

```python
import lle

project = lle.Project()
project.train("zero_dce", iterations=200)
print(project.evaluate("zero_dce", "demo").metrics["psnr"])
project.enhancer("zero_dce").enhance(picture)
```
"""

from lle.project.project import Project

__all__ = ["Project"]
