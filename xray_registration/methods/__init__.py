"""Registration methods by name; each turns a Request into an Estimate."""

from importlib import import_module
from typing import NamedTuple


class Method(NamedTuple):
    """
    What a method is and what it needs; its module is loaded when it is first used.

    about       half a sentence for people
    module      of this package, with `estimate(request) -> Estimate`
    needs       kind of the trained weights it cannot do without; '' for none
    from_start  whether it only works from a start that it is given
    """

    about: str
    module: str
    needs: str = ''
    from_start: bool = False

    def estimate(self, request):
        """Run the method on a Request; return an Estimate."""
        return import_module(f'{__name__}.{self.module}').estimate(request)


METHODS = {
    'lm': Method('Levenberg-Marquardt on local correlation, no training', 'lm'),
    'spherical': Method('the same, led in by a trained similarity', 'spherical', 'similarity'),
    'bobyqa': Method('BOBYQA on the same costs as lm (extra methods)', 'bobyqa', from_start=True),
    'xreg': Method(
        'CMA-ES, then BOBYQA, on gradient correlation (extra methods)', 'xreg', from_start=True
    ),
    'diffpose': Method('Adam on multiscale correlation', 'diffpose', from_start=True),
    'prost': Method(
        'gradient descent on a trained similarity, then on gradient correlation',
        'prost',
        'similarity',
        from_start=True,
    ),
    'regressor': Method('the pose that a network sees, as it is', 'regressor', 'regressor'),
    'psss': Method('the same, refined by global correlation', 'psss', 'regressor'),
    'landmarks': Method('points that a network finds, and their pose', 'landmarks', 'landmarks'),
    'scene_coordinates': Method(
        'where rays enter bone as a network sees it, and the pose of these points',
        'scene_coordinates',
        'scene-coordinates',
    ),
}
