"""docs/conventions.md names the tests that hold each convention: they have to exist."""

import ast
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
REFERENCES = sorted(
    set(re.findall(r'`(test/[\w/]+\.py)::(\w+)`', (CHECKOUT / 'docs/conventions.md').read_text()))
)


def test_document_names_tests():
    assert len(REFERENCES) > 30


@pytest.mark.parametrize(('file', 'name'), REFERENCES)
def test_named_test_exists(file, name):
    tree = ast.parse((CHECKOUT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
