"""The one exception that stands for bad input from outside."""


class InputError(ValueError):
    """
    Bad input: a file, message, parameter or command line that cannot be used.

    Its text is one sentence for the person who gave the input: what is wrong, with the value,
    and what to do.  The CLI prints it and exits with 2; nodes log it and stay alive.
    """
