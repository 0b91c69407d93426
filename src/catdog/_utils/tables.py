"""Format tables for the terminal and for notebooks."""

import html
from collections.abc import Sequence
from typing import NamedTuple

from catdog._utils.text import printable


class Table(NamedTuple):
    """A row of column names, and rows of cells; the title may be empty."""

    head: Sequence[object]
    rows: Sequence[Sequence[object]]
    title: str = ""


def text_lines(table: Table, *, indent: str = "  ") -> list[str]:
    """Return a table as lines of text, the first column left-aligned, the others right-aligned."""
    cells = [[printable(cell) for cell in row] for row in (table.head, *table.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [f"{indent}{table.title}"] if table.title else []
    for first, *others in cells:
        padded = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append(indent + "  ".join([first.ljust(widths[0]), *padded]).rstrip())
    return lines


def html_table(table: Table) -> str:
    """Return a table as HTML; every cell is escaped."""
    lines = [f"<caption>{escape(table.title)}</caption>"] if table.title else []
    lines.append(f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in table.head)}</tr>")
    lines += [
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    ]
    return f"<table>{''.join(lines)}</table>"


def escape(text: object) -> str:
    """Escape text for HTML."""
    return html.escape(printable(text))
