"""What is compared: the registration methods, and lm from other starts; with which weights."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from surgical_perception.errors import InputError
from xray_registration.learned.weights import read_card
from xray_registration.methods import METHODS


@dataclass(frozen=True)
class Compared:
    """A name of `--methods`: a key of METHODS, the config's init, the kind of weights or ''."""

    method: str
    init: str
    kind: str


COMPARED = {
    'lm': Compared('lm', 'start', ''),
    'multistart': Compared('lm', 'multistart', ''),
    # `init: network` of the node, but without a search where that start fails.
    'regressor-lm': Compared('lm', 'start', 'regressor'),
    **{
        name: Compared(name, 'start', method.needs)
        for name, method in METHODS.items()
        if name != 'lm'
    },
}

# Networks that see the pose in the X-ray: what is led by them is given no start.
_SEEING = ('regressor', 'landmarks', 'scene-coordinates')


@dataclass(frozen=True)
class Row:
    """
    One line of the tables.

    name        of the method, with the folder of the weights where it has some
    weights     folder; None for a method that needs none
    ct_sha256   of the CTs that the weights are for; empty for every CT
    """

    name: str
    compared: Compared
    weights: Path | None = None
    weights_sha256: str = ''
    ct_sha256: tuple[str, ...] = ()

    @property
    def uses_start(self):
        """Whether the result depends on the start, so that each start is a trial."""
        return self.compared.kind not in _SEEING

    def why_not(self, truth):
        """Return why a case's Truth is not for this row, as a sentence; '' where it is."""
        if self.ct_sha256 and truth.ct_sha256 not in self.ct_sha256:
            return 'its weights are of another CT'
        around_projection = truth.region == 'projection'
        # A network's pose is a start for lm, but the methods that begin with it are given none.
        if around_projection and not self.uses_start and self.compared.method != 'lm':
            return 'it is given no start, without which nothing is compared around a projection'
        if not self.uses_start or len(truth.starts):
            return ''
        if around_projection:
            return 'around a projection it needs a start, and the case has none'
        if self.compared.init == 'multistart':
            return 'without a start, lm searches everywhere already'
        if METHODS[self.compared.method].from_start:
            return 'it needs a start, and the case has none'
        return ''


def rows(names, weights):
    """
    Return (Rows of some names of COMPARED, sentences on what is left out).

    weights     folders that `train` wrote; each is used by every method of its kind; those of one
                name, for different CTs, make Rows of one name, a line of the tables

    Raises InputError for an unknown name, what is no weights, and folders of one name for one CT.
    """
    for name in names:
        if name not in COMPARED:
            raise InputError(f'method {name!r} is none of {", ".join(COMPARED)}')
    folders = dict.fromkeys(Path(folder).resolve() for folder in weights)
    cards = [(folder, read_card(folder)) for folder in folders]
    _refuse_rivals(cards)
    found, left_out = [], []
    for name in dict.fromkeys(names):
        compared = COMPARED[name]
        if not compared.kind:
            found.append(Row(name, compared))
            continue
        fitting = [
            Row(
                f'{name}[{folder.name}]',
                compared,
                folder,
                card.weights_sha256,
                () if card.agnostic else card.ct_sha256,
            )
            for folder, card in cards
            if card.kind == compared.kind
        ]
        found += fitting
        if not fitting:
            left_out.append(f'{name} is left out: no --weights of kind {compared.kind}')
    return found, left_out


def _refuse_rivals(cards):
    """Raise InputError where two (folder, Card) of one name would serve the same CT."""
    for (folder, card), (other, rival) in itertools.combinations(cards, 2):
        alike = (card.kind, folder.name) == (rival.kind, other.name)
        general = card.agnostic or rival.agnostic
        if alike and (general or set(card.ct_sha256) & set(rival.ct_sha256)):
            raise InputError(
                f'{folder} and {other}: {card.kind} weights of one name for one CT: rename one'
            )
