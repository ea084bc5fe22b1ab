"""The one exception that ends a set-up."""


class SetUpError(Exception):
    """
    The set-up cannot go on.

    Its text is one sentence: what is wrong and what to do.
    """
