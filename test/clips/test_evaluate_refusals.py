"""What `surgical-perception evaluate` refuses, in one sentence, before anything is written."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from clip_checks import write_truth

from surgical_perception import cli

REFUSED = {
    'no truth': (lambda f, d, k: [f], 'holds no truth'),
    'no such truth': (lambda f, d, k: [f, '--truth', d / 'none.npz'], 'none.npz'),
    'another number of frames': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, visible=k[1].visible[:, :3])],
        't.npz: visible has the shape',
    ),
    'unknown visible truth': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, uv=np.nan * k[1].uv)],
        't.npz: uv holds NaN',
    ),
    'truth outside the image': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, queries=1e4 + k[0])],
        't.npz: query 0',
    ),
    'truth without queries': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, queries=None)],
        't.npz: has no array queries',
    ),
    'tracks of other queries': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--tracks', write_truth(d / 'o.npz', k, queries=k[0] + [1, 0, 0])),
        ],
        'o.npz: holds the tracks of other queries',
    ),
    'tracks of another length': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--tracks', write_truth(d / 'o.npz', k, uv=k[1].uv[:3])),
        ],
        'o.npz: visible has the shape',
    ),
    'fewer tracks than queries': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--tracks', write_truth(d / 'o.npz', (k[0][:3], cut(k[1], 3)))),
        ],
        'o.npz: holds 3 tracks',
    ),
    'words for numbers': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, uv=k[1].uv.astype(str))],
        't.npz: uv holds <U',
    ),
    'truth that is never visible': (
        lambda f, d, k: [f, '--truth', write_truth(d / 't.npz', k, visible=0 * k[1].visible)],
        'no point is visible',
    ),
    'tracks are no file of tracks': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--tracks', write_truth(d / 'o.npz', k, uv=None)),
        ],
        'o.npz: has no array uv',
    ),
    'queries beside tracks': (
        lambda f, d, k: [
            *(f, '--truth', write_truth(d / 't.npz', k)),
            *('--queries', written(d / 'q.json', [[1, 1, 0]])),
        ],
        'leave out the queries',
    ),
    'end points without queries': (
        lambda f, d, k: [f, '--truth', written(d / 'e.json', [[1, 1]])],
        'e.json: end points need the queries',
    ),
    'end points of another clip': (
        lambda f, d, k: [
            *(f, '--truth', written(d / 'e.json', {'a/b/c': [[1, 1]]})),
            *('--queries', written(d / 'q.json', [[1, 1, 0]])),
        ],
        'no labels of the clip',
    ),
    'end points that are none': (
        lambda f, d, k: [
            *(f, '--truth', written(d / 'e.json', [1, 2])),
            *('--queries', written(d / 'q.json', [[1, 1, 0]])),
        ],
        'e.json: expected end points',
    ),
}


def cut(tracks, count):
    return SimpleNamespace(**{name: array[:count] for name, array in vars(tracks).items()})


def written(path, content):
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize('case', REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(tmp_path, folder, known, capsys, case):
    words, reason = REFUSED[case]
    words = ['evaluate', *map(str, words(folder, tmp_path, known)), '--out', str(tmp_path / 'out')]
    assert cli.main(words) == 2
    text = capsys.readouterr().err
    assert reason in text
    assert text.count('\n') == 1
    assert not (tmp_path / 'out').exists()
