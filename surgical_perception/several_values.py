"""Options of the command line that take several words: `--image a.png b.png`."""

import typer.core


class SeveralValues(typer.core.TyperCommand):
    """A command whose list options take several words: `--image a.png b.png`."""

    def parse_args(self, ctx, args):
        """Repeat the flag before each further word, which is the form that click knows."""
        lists = {flag for p in self.params if getattr(p, 'multiple', False) for flag in p.opts}
        return super().parse_args(ctx, spread(args, lists))


def spread(words, flags):
    """Turn `--image a b` into `--image a --image b` for the given flags."""
    out, flag, values = [], None, 0
    for word in words:
        if word.startswith('-'):
            flag, _, value = word.partition('=')
            values = int(bool(value))
        else:
            if flag in flags and values:
                out.append(flag)
            values += 1
        out.append(word)
    return out
