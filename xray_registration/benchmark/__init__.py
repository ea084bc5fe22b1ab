"""Registration benchmark: X-rays with known poses, every method on them, and what came of it."""
