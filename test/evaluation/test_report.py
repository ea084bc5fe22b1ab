"""Plots and the report page: complete, self-contained, safe."""

import re
from html.parser import HTMLParser

import cv2
import numpy as np

from surgical_perception.evaluation import plots, report
from surgical_perception.evaluation.results import Metric


class Page(HTMLParser):
    """Collects text, images and every address that a browser would fetch."""

    def __init__(self, text):
        super().__init__()
        self.words, self.images, self.fetched = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ('src', 'href'):
                (self.images if value.startswith('data:image/png') else self.fetched).append(value)
        assert tag != 'script'

    def handle_data(self, data):
        self.words.append(data)


def test_page_is_one_file_with_everything_in_it(tmp_path):
    cv2.imwrite(str(tmp_path / 'p.png'), np.zeros((4, 4), np.uint8))
    path = report.write_report(
        tmp_path / 'report.html',
        'A <title>',
        'Sum & substance',
        {'error': Metric(0.0123456, 'mm', 'mean'), 'failed': Metric(float('inf'), 'mm', 'worst')},
        [
            report.Section('Picture', 'of nothing', tmp_path / 'p.png'),
            report.Section('Table', header=('name', 'mm'), rows=(('<b>', 1.5), ('x', np.nan))),
        ],
        'for research',
    )
    page = Page(path.read_text(encoding='utf-8'))
    text = ' '.join(page.words)
    for words in ('A <title>', 'Sum & substance', '0.0123', 'mean', '<b>', '1.5', 'for research'):
        assert words in text
    assert 'inf' not in text.split()
    assert 'nan' not in text.split()
    assert len(page.images) == 1
    assert page.fetched == []


def test_error_curves_survive_missing_results(tmp_path):
    after = np.array([0.1, np.nan, 0.2])
    axes = np.array([[0.01, 0.02, 0.1], [np.nan] * 3, [0.0, 0.0, -0.1]])
    plots.error_curves(
        tmp_path / 'c.png', [20.0, 0.1, 0.1], after, axes, np.abs(axes), [0.5, 0, 0.4], [(1, 'x')]
    )
    picture = cv2.imread(str(tmp_path / 'c.png'))
    assert min(picture.shape[:2]) > 600
    colours = {tuple(int(plots.AFTER[i : i + 2], 16) for i in (5, 3, 1))}
    assert colours <= set(map(tuple, picture.reshape(-1, 3).tolist()))


def test_every_colour_is_told_apart_in_grey():
    def grey(colour):
        red, green, blue = (int(part, 16) for part in re.findall('..', colour[1:]))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    assert abs(grey(plots.BEFORE) - grey(plots.AFTER)) > 25
