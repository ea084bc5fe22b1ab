"""
The verbs of the command line, each in a file of its own: its options, and one call.

A verb imports the half that it belongs to inside its function, so that `--help` answers at once.
To add one: a function with the verb's name in a file with that name, a line in `cli.py`, and its
flags in `interface.yaml`.
"""
