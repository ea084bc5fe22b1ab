"""
Trained weights on disk: a safetensors file, and a card that says what they are for.

Nothing is ever unpickled.  The card holds the weights' SHA-256 and that of the CT (or CTs) they
were trained on: a damaged file, a file of another kind and the network of another patient are
refused, each with what to do.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from surgical_perception.errors import InputError
from surgical_perception.evaluation.results import sha256_of

FORMAT = 1
WEIGHTS, CARD = 'weights.safetensors', 'card.json'

# A card is a page of text; anything longer is not one.
_MAX_CARD_BYTES = 1 << 20


@dataclass(frozen=True)
class Card:
    """
    What weights are: printed by `train`, checked wherever they are loaded.

    kind            'similarity', 'regressor', 'landmarks' or 'scene-coordinates'
    ct_sha256       of the CTs they were trained on
    agnostic        whether they may be used with CTs that they never saw
    config          everything that builds the network again
    pose_range      ranges of the training poses, units in the names
    training        steps, seconds, losses, device: for people
    versions        of the packages that trained them
    """

    kind: str
    ct_sha256: tuple[str, ...]
    agnostic: bool
    config: dict
    pose_range: dict
    training: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)
    weights_sha256: str = ''
    format: int = FORMAT


def save(folder, tensors, card):
    """
    Write weights {name: tensor} and their Card into a folder; return the Card as written.

    They are written in float16: its eleven bits are more than what training leaves certain, and
    files are half as large.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Both are written beside and put into place, so that an interruption leaves the old pair.
    fresh = folder / f'{WEIGHTS}.new'
    halved = {name: t.detach().cpu().half().contiguous() for name, t in tensors.items()}
    save_file(halved, fresh)
    card = Card(**{**asdict(card), 'weights_sha256': sha256_of(fresh)})
    text = folder / f'{CARD}.new'
    text.write_text(json.dumps(asdict(card), indent=2) + '\n', encoding='utf-8')
    fresh.replace(folder / WEIGHTS)
    text.replace(folder / CARD)
    return card


def load(folder, kind, ct_sha256=None):
    """
    Return (weights {name: tensor} as they were written, Card) of a folder.

    kind        what the caller can use
    ct_sha256   of the CT they are to be used with; None does not ask

    Raises InputError for what is absent, damaged, of another kind or of another patient.
    """
    folder = Path(folder)
    card = read_card(folder)
    if card.kind != kind:
        raise InputError(f'{folder}: these weights are of kind {card.kind!r}, not {kind!r}')
    if ct_sha256 is not None and not card.agnostic and ct_sha256 not in card.ct_sha256:
        raise InputError(
            f'{folder}: trained for another CT (SHA-256 {_short(card.ct_sha256)}, not '
            f'{ct_sha256[:12]}): train for this patient, or take weights for any patient'
        )
    path = folder / WEIGHTS
    if not path.is_file():
        raise InputError(f'{path} is absent: train again, or copy the whole folder')
    if sha256_of(path) != card.weights_sha256:
        raise InputError(f'{path} is not what its card describes: train or copy it again')
    try:
        return load_file(path), card
    except SafetensorError as error:
        raise InputError(f'{path}: cannot be read: {error}') from None


def load_network(folder, kind, ct_sha256, config_of, network_of, device='cpu'):
    """
    Return (config, network) of a folder, the network ready to be used on a torch device.

    config_of     turns the plain values of a card into a config; network_of that into a module

    Raises InputError for what `load` refuses, and where card and weights do not fit together.
    """
    tensors, card = load(folder, kind, ct_sha256)
    try:
        config = config_of(card.config)
        network = network_of(config)
        network.load_state_dict(tensors)
    except (TypeError, KeyError, AttributeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f'{folder}: card and weights do not fit together: {reason}') from None
    return config, network.to(device).eval().requires_grad_(False)


def read_card(folder):
    """Return the Card of a folder; raises InputError where there is none that can be read."""
    path = Path(folder) / CARD
    if not path.is_file():
        raise InputError(f'{path} is absent: give the folder that `train` wrote')
    if path.stat().st_size > _MAX_CARD_BYTES:
        raise InputError(f'{path} is too large for a card')
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
        written = values.get('format')
        if written != FORMAT:
            raise InputError(f'{path}: format {written!r}, this version reads {FORMAT}')
        values['ct_sha256'] = tuple(values['ct_sha256'])
        return Card(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f'{path}: not a card: {error}') from None


def _short(hashes):
    return ', '.join(h[:12] for h in hashes)
