"""Print the lowest version of each dependency that pyproject.toml allows, for `pip install -r`."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
needed = [*project["project"]["dependencies"], *project["dependency-groups"]["test"]]
for requirement in needed:
    name, floor = re.fullmatch(r"([\w.-]+)>=([\d.]+)", requirement).groups()
    print(f"{name}=={floor}")  # noqa: T201
