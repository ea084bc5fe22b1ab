"""The harnesses of both nodes, which live beside their own tests."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ('node', 'endo_node')]
