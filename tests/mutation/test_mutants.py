"""The mutants of a mutation run: small mistakes that compile, and a list of equivalent ones that is up to date."""

from __future__ import annotations

import ast

from tests.mutation.__main__ import load_equivalent, place_of
from tests.mutation.modules import MODULES
from tests.mutation.mutants import list_mutants
from tests.mutation.run import ROOT, draw, stages

PATH = "reconciler/model/address.py"
SOURCE = '''"""Words."""

def pick(items: list[str], most: int = 3) -> list[str]:
    """More words."""
    found = [item for item in items if item]
    if len(found) <= most and not items:
        found.append(f"{most}")
    return found
'''


def test_lists_small_mistakes_in_the_order_of_their_places() -> None:
    found = [(m.kind, m.line, m.after) for m in list_mutants(PATH, SOURCE)]
    assert found == [
        ("constant", 3, "4"),
        ("branch", 5, "True"),
        ("compare", 6, "len(found) < most"),
        ("branch", 6, "False"),
        ("branch", 6, "True"),
        ("boolean", 6, "len(found) <= most"),
        ("boolean", 6, "len(found) <= most or not items"),
        ("boolean", 6, "not items"),
        ("boolean", 6, "items"),
        ("statement", 7, "pass"),
        ("result", 8, "return []"),
    ]


def test_every_mutant_compiles_and_differs() -> None:
    for module, mutant in draw(MODULES, 1, 3 * len(MODULES)):
        source = (ROOT / module.path).read_bytes()
        changed = ast.parse(mutant.apply(source))
        assert ast.dump(changed) != ast.dump(ast.parse(source)), mutant


def test_every_module_has_its_tests() -> None:
    assert len({module.path for module in MODULES}) == len(MODULES)
    for module in MODULES:
        assert len(list(stages(module, 3))) >= 2
        for test in (*module.near, *module.package, *module.whole):
            assert (ROOT / test).exists(), test


def test_the_same_seed_draws_the_same_mutants_evenly() -> None:
    one, other = draw(MODULES, 14, 60), draw(MODULES, 14, 60)
    assert one == other
    assert draw(MODULES, 15, 60) != one
    assert {mutant.path for _, mutant in one} == {module.path for module in MODULES}


def test_every_equivalent_mutant_exists_and_has_a_reason() -> None:
    known = set()
    for module in MODULES:
        text = (ROOT / module.path).read_text(encoding="utf-8")
        known |= {place_of(mutant) for mutant in list_mutants(module.path, text)}
    for place, reason in load_equivalent().items():
        assert place in known, f"no such mutant any more: {place}"
        assert len(reason) > 20, place
