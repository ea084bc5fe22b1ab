"""Shell scripts that stand for programs."""

from pathlib import Path


def program(path: Path, script: str) -> str:
    """Write a shell script that can be run."""
    path.write_text(f'#!/bin/sh\n{script}\n')
    path.chmod(0o755)
    return str(path)
