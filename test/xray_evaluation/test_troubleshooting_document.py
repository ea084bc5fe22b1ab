"""What docs/troubleshooting.md quotes is what the program says."""

import ast
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ('surgical_perception', 'xray_registration', 'surg_invnerf')
VALUE = '…'
# What surrounds a value must be long enough to say something.
MIN_LETTERS = 12


def said_by_the_code():
    """Return every text of the packages; the values in f-strings are a VALUE."""
    found = []
    for package in PACKAGES:
        for path in (CHECKOUT / package).rglob('*.py'):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    parts = (
                        v.value if isinstance(v, ast.Constant) else VALUE for v in node.values
                    )
                    found.append(''.join(parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return found


def quoted():
    """Return what stands in the first column of the tables in backticks."""
    text = (CHECKOUT / 'docs' / 'troubleshooting.md').read_text()
    rows = re.findall(r'^\| (`[^|]*`[^|]*)\|', text, flags=re.MULTILINE)
    return [quote for row in rows for quote in re.findall(r'`([^`]*)`', row)]


@pytest.fixture(scope='module')
def texts():
    return said_by_the_code()


def test_there_are_quotes():
    assert len(quoted()) > 40


@pytest.mark.parametrize('quote', [quote for quote in quoted() if not quote.startswith('~/')])
def test_a_quote_is_in_the_code(texts, quote):
    fragments = [part for part in quote.split(VALUE) if sum(map(str.isalpha, part))]
    assert sum(len(part) for part in fragments) >= MIN_LETTERS, 'too short to be recognised'
    pattern = re.compile('.*'.join(map(re.escape, fragments)), re.DOTALL)
    assert any(pattern.search(text) for text in texts), f'nothing says {quote!r}'
