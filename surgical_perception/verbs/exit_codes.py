"""Exit codes of the command line; 0 is done."""

BAD_INPUT = 2
INTERRUPTED = 130
