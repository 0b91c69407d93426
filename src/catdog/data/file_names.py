"""Find the files that a table or a user names, in a folder."""

import os
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

from catdog._utils.errors import InvalidValueError
from catdog._utils.text import composed, list_names
from catdog.data.findings import relative_name
from catdog.images.identify import is_named_as_image


def _without_suffix(name: str) -> str | None:
    """Return a name without its suffix; `None` if it has none, or is no name of an image."""
    return composed(str(PurePosixPath(name).with_suffix(""))) if _is_image(name) else None


def _without_image(name: str) -> str | None:
    """Return a name without a suffix; `x.jpg` does not mean `x.jpg.png`, which may be its mask."""
    return None if _is_image(name) else composed(name)


def _is_image(name: str) -> bool:
    return is_named_as_image(Path(name))


def _without_case(name: str) -> str:
    return composed(name).casefold()


# How a file and a name are compared, one rule after the other: as the user sees them; a file
# without its suffix, for ids; without capitals, which some systems do not distinguish.
# A rule that does not apply gives `None`.
_Key = Callable[[str], str | None]
_RULES: tuple[tuple[_Key, _Key], ...] = (
    (composed, composed),
    (_without_suffix, _without_image),
    (_without_case, _without_case),
)


class FileNames:
    """Finds files by what a user calls them.

    A name is a path relative to the folder, or an absolute path in it. It may have backslashes,
    another Unicode form, other capitals, or no suffix, if it is clear which file is meant.
    """

    def __init__(self, argument: str, folder: Path, files: Iterable[Path]) -> None:
        """Store the files.

        Args:
            argument: Name of the argument that has the names, for the errors.
            folder: The folder that names are relative to.
            files: The files in it.
        """
        self.argument = argument
        self.folder = folder
        self._exact = {relative_name(path, folder): path for path in files}

    @cached_property
    def _by_key(self) -> list[dict[str | None, list[Path]]]:
        """The files by each of the rules; most tables name every file exactly, and need none."""
        indices: list[dict[str | None, list[Path]]] = [{} for _ in _RULES]
        for index, (of_file, _) in zip(indices, _RULES, strict=True):
            for name, path in self._exact.items():
                index.setdefault(of_file(name), []).append(path)
            index.pop(None, None)
        return indices

    def find(self, name: str) -> Path:
        """Return the file that is meant; where it would be, if there is none.

        Raises:
            ValueError: If several files may be meant, or the name leads out of the folder.
        """
        if name in self._exact:
            return self._exact[name]
        relative = self._relative(name)
        if relative in self._exact:
            return self._exact[relative]
        unified = self._relative(name.replace("\\", "/"))
        for (_, of_name), by_key in zip(_RULES, self._by_key, strict=True):
            found = by_key.get(of_name(unified), [])
            if len(found) > 1:
                names = [relative_name(path, self.folder) for path in found]
                raise InvalidValueError(
                    f"has {name!r}, which may mean each of {list_names(names, 5)}",
                    argument=self.argument,
                    hint="Name the file as it is.",
                )
            if found:
                return found[0]
        return self.folder / unified

    def _relative(self, name: str) -> str:
        """Return a name relative to the folder, with forward slashes."""
        path = Path(os.path.normpath(self.folder / name))
        folder = Path(os.path.normpath(self.folder))
        if not path.is_relative_to(folder):  # perhaps the folder is a link
            path, folder = path.resolve(), folder.resolve()
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
        raise InvalidValueError(
            f"has {name!r}, which is not in {self.folder}",
            argument=self.argument,
            hint="Name files relative to that folder.",
        )
