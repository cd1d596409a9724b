"""Render numbers for sale as a table, with the next steps."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.report.documents.types import ListedNumber, NumbersDocument
from reconciler.report.text.style import Style
from reconciler.report.width import align_columns
from reconciler.report.wording import count, printable

_HEAD = ("number", "type", "place", "can", "a month", "requires")


def lines(document: NumbersDocument, style: Style) -> Iterator[str]:
    """Return the table, then how many numbers were written, or how to write them."""
    if not document.numbers:
        yield "No number for sale matches."
        return

    head, *rows = align_columns([_HEAD, *map(_cells, document.numbers)])
    yield style("strong", head)
    for number, row in zip(document.numbers, rows, strict=True):
        yield style("good", row) if number.written else row

    written = document.summary["written"]
    yield ""
    if document.out is None:
        yield "`--write FILE` adds the first number to a configuration file; nothing is bought before `apply`."
        return
    yield style("good", f"Added {count(written, 'number')} to {printable(document.out)}.")
    yield "Next: `reconciler plan`, then `reconciler apply --allow-purchase`."


def _cells(number: ListedNumber) -> tuple[str, ...]:
    place = ", ".join(part for part in (number.locality, number.region) if part)
    price = "not known"
    if number.price is not None:
        price = f"{number.price.amount:.2f} {number.price.currency}"

    mark = ""
    if number.declared:
        mark = " (declared)"
    elif number.written:
        mark = " (added)"
    return (
        printable(number.phone_number) + mark,
        number.type.replace("_", "-"),
        printable(place) or "-",
        ", ".join(number.capabilities) or "not known",
        price,
        _requirement(number),
    )


def _requirement(number: ListedNumber) -> str:
    if number.bundle_required:
        return "bundle"
    if number.address_requirements not in (None, "none"):
        return f"address ({printable(number.address_requirements or '')})"
    known = number.bundle_required is False and number.address_requirements == "none"
    return "nothing" if known else "not known"
