"""One record per trial, in CSV files that hold it from the moment it exists."""

import csv
import dataclasses
from dataclasses import dataclass
from pathlib import Path

from surgical_perception.errors import InputError

NO_START = -1
# The name of all groups together, which no group may have.
ALL_GROUPS = 'all groups'

# What a stopped process and all shards leave in the folder of the results.
PATTERN = 'trials*.csv'


@dataclass(frozen=True)
class Record:
    """
    One method from one start on one case; one that raised has infinite errors and its text.

    weights, inputs     first digits of the SHA-256 of weights and case: what was compared
    start               number of the start, NO_START where none was given
    start_mtre_mm       NaN without a start
    mpe_mm              on the detector, mean over the views; in-plane and depth: of the CT's
                        centre, in the axes of the first camera
    time_s              on the wall, NaN for a failure
    """

    method: str
    weights: str
    group: str
    case: str
    inputs: str
    start: int
    start_mtre_mm: float
    mtre_mm: float
    mpe_mm: float
    rotation_deg: float
    in_plane_mm: float
    depth_mm: float
    time_s: float
    verdict: str
    starts_used: int
    error: str

    @property
    def key(self):
        """What a trial is known by."""
        return self.method, self.case, self.start


_FIELDS = [f.name for f in dataclasses.fields(Record)]
_KINDS = {f.name: f.type for f in dataclasses.fields(Record)}


class RecordFile:
    """Appends Records to a CSV, each with one write."""

    def __init__(self, path):
        """Go on with the file where it exists, without a row that was cut off."""
        self._path = Path(path)
        text = self._path.read_text(encoding='utf-8') if self._path.exists() else ''
        whole = text[: text.rfind('\n') + 1]
        if whole != text or not text:
            header = ','.join(_FIELDS) + '\n'
            self._path.write_text(whole or header, encoding='utf-8')

    def append(self, record):
        """Write one Record through to the disk."""
        values = dataclasses.astuple(record)
        row = [f'{x:.6g}' if isinstance(x, float) else x for x in values]
        row[-1] = ' '.join(record.error.split())  # a line break would cut the row in two
        with self._path.open('a', newline='', encoding='utf-8') as stream:
            csv.writer(stream, lineterminator='\n').writerow(row)


def read_records(folder):
    """
    Return {key: Record} of all CSVs in a folder; rows that were cut off are passed over.

    Raises InputError for a file of other columns.
    """
    found = {}
    for path in sorted(Path(folder).glob(PATTERN)):
        with path.open(newline='', encoding='utf-8') as stream:
            reader = csv.reader(stream)
            if next(reader, _FIELDS) != _FIELDS:
                raise InputError(
                    f'{path}: has other columns than this version writes: give another --out'
                )
            for row in reader:
                record = _record(row)
                if record is not None:
                    found[record.key] = record
    return found


def _record(row):
    if len(row) != len(_FIELDS):
        return None
    try:
        return Record(**{name: _KINDS[name](x) for name, x in zip(_FIELDS, row, strict=True)})
    except ValueError:
        return None
