"""The parameter dataclass: types, ranges, words for violations, and the files printed from it."""

from dataclasses import dataclass, field

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from surgical_perception import parameter_files
from surgical_perception.errors import InputError
from surgical_perception.parameters import build, flat_values, flatten, param
from xray_registration.parameters import XrayRegistrationParameters


@dataclass(frozen=True)
class Inner:
    limit_mm: float = param(2.5, 'Largest step.', 'mm', 0, 10, live=True)
    names: tuple[str, ...] = param(('a',), 'Names.')


@dataclass(frozen=True)
class Outer:
    mode: str = param('fast', 'Mode.', choices=('fast', 'slow'))
    count: int = param(3, 'Count.', low=1)
    active: bool = param(False, 'Switch.')
    empty: tuple[float, ...] = param((), 'Numbers.')
    inner: Inner = field(default_factory=Inner)

    def conflicts(self):
        return ['slow needs active'] if self.mode == 'slow' and not self.active else []


def test_nested_fields_have_dotted_names_and_round_trip():
    names = ['mode', 'count', 'active', 'empty', 'inner.limit_mm', 'inner.names']
    assert list(flatten(Outer)) == names
    assert flatten(Outer)['inner.limit_mm'].live
    changed = build(Outer, {'inner.limit_mm': 1.0, 'active': True, 'empty': [1, 2.5]})
    assert changed == Outer(active=True, empty=(1.0, 2.5), inner=Inner(limit_mm=1.0))
    assert build(Outer, flat_values(changed)) == changed


@given(st.integers(0, 10))
def test_an_integer_serves_for_a_number(value):
    built = build(Outer, {'inner.limit_mm': value}).inner.limit_mm
    assert built == value and type(built) is float


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('mode', 'Fast'),
        ('count', 0),
        ('count', 2.0),
        ('count', True),
        ('active', 1),
        ('active', 'true'),
        ('inner.limit_mm', 10.1),
        ('inner.limit_mm', -1),
        ('inner.limit_mm', float('nan')),
        ('inner.limit_mm', float('inf')),
        ('inner.limit_mm', '1'),
        ('inner.limit_mm', None),
        ('inner.names', 'a'),
        ('inner.names', [1]),
        ('empty', ['1']),
    ],
)
def test_what_does_not_fit_is_refused_with_name_and_value(name, value):
    with pytest.raises(InputError) as error:
        build(Outer, {name: value})
    assert name in str(error.value) and repr(value) in str(error.value)


def test_every_violation_is_reported_with_range_unit_and_the_name_that_was_meant():
    bad = {'inner.limit_mm': 11, 'count': -1, 'inner.nams': ['b'], 'zzz': 1, 'mode': 'slow'}
    with pytest.raises(InputError) as error:
        build(Outer, bad)
    text = str(error.value)
    assert 'inner.limit_mm is 11, expected 0 to 10 mm' in text
    assert 'count is -1, expected at least 1' in text
    assert 'inner.nams is not a parameter: did you mean inner.names?' in text
    assert 'zzz is not a parameter' in text
    assert 'slow needs active' in text


def test_printed_yaml_holds_the_defaults_under_the_wildcard():
    text = parameter_files.to_yaml(Outer, 'some_node')
    content = yaml.safe_load(text)['/**']['ros__parameters']
    assert content == {
        'mode': 'fast',
        'count': 3,
        'active': False,
        'inner': {'limit_mm': 2.5, 'names': ['a']},
    }
    assert '# empty: []' in text  # an empty list has no type: ROS refuses it in a file
    assert 'Largest step. (0 to 10 mm) [live]' in text


def test_printed_table_escapes_what_would_break_it():
    table = parameter_files.to_markdown(XrayRegistrationParameters, 'node')
    rows = [line for line in table.splitlines() if line.startswith('| `')]
    assert len(rows) == len(flatten(XrayRegistrationParameters))
    assert {row.replace('\\|', '').count('|') for row in rows} == {5}


@pytest.mark.parametrize(
    ('values', 'reason'),
    [
        ({'init': 'network'}, 'weights.regressor is empty'),
        ({'weights.regressor': '/w'}, 'init previous uses no network'),
        ({'method': 'spherical'}, 'weights.path is empty'),
        ({'init': 'parameter'}, 'init_pose has 0 numbers'),
        ({'init_pose': [0, 0, 1, 0, 0, 0, 2]}, 'norm 2'),
        ({'weights.path': '/w'}, 'uses no network'),
        ({'views': []}, 'views is empty'),
        ({'views': ['a', 'a']}, 'repeated'),
        ({'ct.keep_labels': [1]}, 'without ct.labels'),
        ({'accept.max_cost_ok': 0.5}, 'above'),
        ({'ct_frame': ''}, 'ct_frame is empty'),
        ({'reference_frame': 'ct'}, 'reference or anchor'),
        ({'reference_frame': '/patient'}, 'slash'),
    ],
)
def test_values_that_are_good_alone_but_not_together(values, reason):
    with pytest.raises(InputError, match=reason):
        build(XrayRegistrationParameters, values)
