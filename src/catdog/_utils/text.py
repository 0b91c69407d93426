"""Format names, numbers and lists for people."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

MAX_CHARACTERS = 300  # of a name in a message; names of files have up to 255


def composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC).

    Linux and Windows store "é" as one character as it was typed, older Macs as "e" and an accent.
    Both look the same, and are compared in this form.
    """
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """Return a name in its composed form and without capitals, to compare it with others."""
    return composed(name).casefold()


def printable(name: object) -> str:
    """Return a name or path with its unprintable characters, such as a line break, escaped."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in str(name)
    )


def counted(number: int, thing: str) -> str:
    """Return a number with its noun, such as `1 image` or `2 images`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def percent(probability: float) -> str:
    """Return a probability such as `97.2%`; from 0.9995 on it is `>99.9%`, never 100 %."""
    return ">99.9%" if probability >= 0.9995 else f"{probability:.1%}"


def shorten(items: Sequence[str], limit: int = 10) -> list[str]:
    """Return the first `limit` items, and a line with the number of the others."""
    rest = len(items) - limit
    return [*items[:limit], f"... and {rest} more"] if rest > 0 else list(items)


def with_lines(sentence: str, lines: Sequence[str]) -> str:
    """Return a sentence, and below it at most ten lines of a list."""
    return "\n  ".join([f"{sentence}:", *shorten(lines)])


def quoted(name: str) -> str:
    """Return a name in quotes; of a very long one, such as a whole text, only the beginning."""
    return repr(name if len(name) <= MAX_CHARACTERS else f"{name[:MAX_CHARACTERS]}...")


def list_names(names: Iterable[str], limit: int = 10) -> str:
    """Return quoted names in one line, such as `'cats', 'dogs'`; at most `limit` of them."""
    return ", ".join(shorten([quoted(name) for name in names], limit))


def count_line(name: str, counts: Mapping[str, int]) -> str:
    """Return a line such as `  train       2000  (cats 1000, dogs 1000)`."""
    listed = [f"{printable(class_name)} {count}" for class_name, count in counts.items()]
    return f"  {name:<10} {sum(counts.values()):>6}  ({', '.join(shorten(listed, 20))})"
