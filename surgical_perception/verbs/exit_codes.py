"""Exit codes of the command line; 0 is done."""

FAULTS = 1  # done, and what was checked has faults
BAD_INPUT = 2
INTERRUPTED = 130
