"""Format the cells of the generated tables."""

from typing import Any

from catdog.evaluation.metrics import wilson_interval

NO_BREAK = "&nbsp;"


def accuracy(figures: dict[str, Any]) -> str:
    """Return an accuracy with its 95 % confidence interval and the number of images."""
    return f"**{figures['accuracy']:.1%}**<br>{span(figures['interval'])}<br>n = {figures['n']}"


def share(value: float, n: int) -> str:
    """Return a share of which only the value and the number of images are known, as `accuracy`."""
    right = round(value * n)
    return accuracy({"accuracy": value, "interval": wilson_interval(right, n), "n": n})


def sentence_of(figures: dict[str, Any]) -> str:
    """Return an accuracy with its interval, for a sentence: `64.4% (95 % ... 61.0% to 67.6%)`."""
    return f"{figures['accuracy']:.1%} (95 % confidence interval {plain_span(figures['interval'])})"


def median_and_range(figures: dict[str, float]) -> str:
    """Return `0.95 (0.50 to 1.25)`."""
    return f"{figures['median']:.2f} ({figures['min']:.2f} to {figures['max']:.2f})"


def measured_with(record: dict[str, Any]) -> str:
    """Return the command, the versions and the number of cores, as a list."""
    facts = {
        "Command": f"`{record['command']}`",
        "Versions": versions(record),
        "Cores": record["cores"],
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def versions(record: dict[str, Any]) -> str:
    """Return the versions of a record, on one line."""
    return ", ".join(f"{name} {version}" for name, version in record["versions"].items())


def span(ends: tuple[float, float], *, digits: int = 1) -> str:
    """Return two shares as `62% to 66%`, on one line, or as one if they look the same."""
    return plain_span(ends, digits=digits).replace(" ", NO_BREAK)


def plain_span(ends: tuple[float, float], *, digits: int = 1) -> str:
    """Return two shares as `62% to 66%`, or as one if they look the same."""
    low, high = (f"{end:.{digits}%}" for end in ends)
    return low if low == high else f"{low} to {high}"


def code(name: str) -> str:
    """Return a model's name as code that may break only before its variant."""
    return f"<code>{name.replace('.', '<wbr>.')}</code>"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
