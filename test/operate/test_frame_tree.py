"""The frames that TF connects: their text, their problems, their picture."""

import cv2
import numpy as np
import pytest

from surgical_perception import bag_messages
from surgical_perception.errors import InputError
from surgical_perception.frames.picture import write_frames
from surgical_perception.frames.tree import FrameTree

NS = 1_000_000_000


def at(x_m):
    pose = np.eye(4)
    pose[0, 3] = x_m
    return pose


@pytest.fixture
def tree():
    """Return the frames of a theatre: a tracked C-arm with its CT, 2 s of it."""
    tree = FrameTree()
    for i in range(101):
        tree.add(bag_messages.tf(NS + i * NS // 50, 'patient', 'carm_optical', at(0.8)), False)
    tree.add(bag_messages.tf(NS, 'carm_optical', 'carm_detector', at(1.02)), True)
    tree.add(bag_messages.tf(NS, 'patient', 'ct', at(0.03)), False)
    return tree


def test_text_shows_who_hangs_on_whom_how_often_and_how_far(tree):
    assert tree.text().splitlines() == [
        'patient',
        '├─ carm_optical  (moving, 50 Hz, 800 mm)',
        '│  └─ carm_detector  (static, 1.02 m)',
        '└─ ct  (moving, 1 in all, 30 mm)',
    ]
    assert tree.problems() == []
    assert tree.root_of('carm_detector') == 'patient'
    assert tree.root_of('unknown') == 'unknown'


@pytest.mark.parametrize(
    ('parent', 'child', 'words'),
    [
        ('tracker', 'carm_optical', "frame 'carm_optical' hangs on 'patient' and on 'tracker'"),
        ('carm_detector', 'patient', 'the frames form a loop (carm_detector -> carm_optical'),
        ('table', 'robot', '2 trees that nothing connects (roots patient, table)'),
        ('/patient', 'probe', 'leading slash (/patient)'),
        ('ct', 'ct', 'a frame cannot be its own parent'),
        ('', 'lost', 'a frame id is empty'),
    ],
)
def test_what_is_wrong_is_said(tree, parent, child, words):
    tree.add(bag_messages.tf(NS, parent, child, at(0.1)), False)
    assert words in '\n'.join(tree.problems())
    assert tree.text()  # also of a loop


def test_a_loop_alone_has_a_text_and_a_picture(tmp_path):
    tree = FrameTree()
    for parent, child in (('a', 'b'), ('b', 'c'), ('c', 'a')):
        tree.add(bag_messages.tf(NS, parent, child, at(0.1)), False)
    assert tree.roots == []
    assert tree.root_of('a') in 'abc'
    assert len(tree.text().splitlines()) == 3
    write_frames(tree, tmp_path / 'loop.png')


def test_the_picture_grows_with_the_frames(tree, tmp_path):
    write_frames(tree, tmp_path / 'a' / 'few.png', {'carm_optical': '/carm/image_rect'})
    few = cv2.imread(str(tmp_path / 'a' / 'few.png'))
    for i in range(12):
        tree.add(bag_messages.tf(NS, 'ct', f'screw_{i}', at(0.01 * i)), True)
    write_frames(tree, tmp_path / 'many.png')
    many = cv2.imread(str(tmp_path / 'many.png'))
    assert many.shape[0] > few.shape[0]
    assert (many < 128).sum() > (few < 128).sum() > 0


def test_a_picture_that_cannot_be_written_is_refused(tree, tmp_path):
    for name in ('frames.docx', 'frames.png/frames.png'):
        (tmp_path / 'frames.png').touch()
        with pytest.raises(InputError, match='cannot be written'):
            write_frames(tree, tmp_path / name)
