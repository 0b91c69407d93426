"""Find the files that a table or a user names, in a folder."""

import itertools
import os
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from catdog._utils.errors import InvalidValueError
from catdog._utils.text import composed, folded, list_names
from catdog.data.findings import relative_name
from catdog.images.identify import is_named_as_image


def _visible(name: str) -> str:
    """Return a name as people see it: without blanks around it."""
    return composed(name).strip()


def _without_suffix(name: str) -> str | None:
    """Return a name without its suffix; `None` if it has none, or is no name of an image."""
    return _visible(str(PurePosixPath(name).with_suffix(""))) if _is_image(name) else None


def _no_image(name: str) -> str | None:
    """Return a name that is not that of an image: `x.jpg` does not mean `x.jpg.png`, a mask."""
    return None if _is_image(name) else _visible(name)


def _is_image(name: str) -> bool:
    return is_named_as_image(Path(name.strip()))


def _without_case(name: str) -> str:
    return folded(name).strip()


def plain_stem(name: str) -> str:
    """Return a name without folders, capitals, blanks around it and the suffix of an image."""
    last = _without_case(PurePosixPath(name.replace("\\", "/")).name)
    return str(PurePosixPath(last).with_suffix("")) if _is_image(last) else last


def _loose(name: str) -> str:
    """Return what remains of a name that programs change: `x 7` of `a/x%20007.JPEG`.

    Spreadsheets lose leading zeros, other programs change the suffix or escape blanks.
    """
    return re.sub(r"(?<!\d)0+(?=\d)", "", plain_stem(unquote(name)).removesuffix(".0"))


_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")  # the beginning of an absolute path

# How a file and a name are compared, one rule after the other: as the user sees them; a file
# without its suffix, for ids; without capitals, which some systems do not distinguish.
# A rule that does not apply gives `None`.
_Key = Callable[[str], str | None]
_RULES: tuple[tuple[_Key, _Key], ...] = (
    (_visible, _visible),
    (_without_suffix, _no_image),
    (_without_case, _without_case),
)


class FileNames:
    """Finds files by what a user calls them.

    A name is a path relative to the folder, or an absolute path in it. It may have backslashes,
    another Unicode form, other capitals, blanks around it, or no suffix, if it is clear which file
    is meant.
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

    @cached_property
    def _by_loose_name(self) -> dict[str, list[str]]:
        """The names of the files by what remains of them."""
        index: dict[str, list[str]] = {}
        for name in self._exact:
            index.setdefault(_loose(name), []).append(name)
        return index

    def find_similar(self, name: str) -> str | None:
        """Return the name of the file that is perhaps meant, if a program changed its name."""
        parts = name.replace("\\", "/").split("/")

        def count_same(other: str) -> int:
            pairs = zip(reversed(parts[:-1]), reversed(other.split("/")[:-1]), strict=False)
            return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))

        return max(self._by_loose_name.get(_loose(name), []), key=count_same, default=None)

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
        if _WINDOWS.match(name) and not self.folder.drive:  # of another machine
            raise self._outside(name)
        return self.folder / unified

    def _relative(self, name: str) -> str:
        """Return a name relative to the folder, with forward slashes."""
        path = Path(os.path.normpath(self.folder / name))
        folder = Path(os.path.normpath(self.folder))
        if not path.is_relative_to(folder):  # perhaps the folder is a link
            path, folder = path.resolve(), folder.resolve()
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
        raise self._outside(name)

    def _outside(self, name: str) -> InvalidValueError:
        """Return the error about the name of a file outside of the folder."""
        similar = self.find_similar(name)
        return InvalidValueError(
            f"has {name!r}, which is not in {self.folder}",
            argument=self.argument,
            hint="Name files relative to that folder"
            f"{f', such as {similar!r}' if similar else ''}.",
        )
