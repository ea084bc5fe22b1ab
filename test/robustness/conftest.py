"""The harnesses of both nodes and the writers of CT files, which live beside their own tests."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / area) for area in ('node', 'endo_node', 'volume')]
