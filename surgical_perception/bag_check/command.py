"""`surgical-perception check-bag`: survey, the checks of both halves, page and picture."""

from pathlib import Path

from rich.console import Console

from surgical_perception.bag_check import page
from surgical_perception.bag_check.survey import survey_bag
from surgical_perception.frames.picture import write_frames

_EVERY = 500


def run(path, halves, picture=None):
    """
    Check a bag, print what was found, and return whether one of the nodes would work with it.

    halves      {name: function(BagSurvey) -> NodeCheck}
    picture     PNG of the frames to write, or None

    Raises InputError where the bag cannot be read.
    """
    console = Console(stderr=True)
    with console.status('reading the bag') as status:

        def watch(done):
            if done % _EVERY == 0:
                status.update(f'reading the bag: {done} messages')

        survey = survey_bag(path, watch)
        checks = {}
        for name, check in halves.items():
            status.update(f'checking: {name}')
            checks[name] = check(survey)
    page.show(Console(), survey, checks)
    if picture is not None:
        notes = {frame: name for c in checks.values() for frame, name in c.images.items()}
        _draw(console, survey, Path(picture), notes)
    return any(check.usable for check in checks.values())


def _draw(console, survey, picture, notes):
    if not survey.tree.edges:
        console.print('no picture: the bag holds no TF')
        return
    write_frames(survey.tree, picture, notes, f'Frames of {survey.path.name}')
    console.print(f'Look at {picture}', markup=False, highlight=False, soft_wrap=True)
