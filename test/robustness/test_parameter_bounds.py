"""Every parameter of both nodes at its bounds, beyond them, of the wrong type, and misspelt."""

import math
import typing

import endo_harness
import node_harness
import pytest
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.parameter import Parameter

from surg_invnerf.parameters import SurgInvnerfParameters
from surgical_perception.parameters import flatten
from xray_registration.parameters import XrayRegistrationParameters

NODES = {
    'xray_registration_node': (node_harness.running, flatten(XrayRegistrationParameters)),
    'surg_invnerf_node': (endo_harness.running, flatten(SurgInvnerfParameters)),
}
# A value of another type than the parameter's, by that type; 1 serves for 1.0, so no integer.
WRONG = {bool: 'true', int: 2.5, float: 'fast', str: 7}


@pytest.fixture(scope='module', params=sorted(NODES))
def unconfigured(request):
    """Return (harness of a node that waits to be configured, its parameters by name)."""
    running, schema = NODES[request.param]
    with running(connect=False, autostart=False) as h:
        yield h, schema


def element(parameter):
    """Return the type of a parameter, or of its elements."""
    arguments = typing.get_args(parameter.type)
    return arguments[0] if arguments else parameter.type


def shaped(parameter, value):
    """Return a value, in a list for a parameter that is one."""
    return [value] if typing.get_args(parameter.type) else value


def beyond(parameter):
    """Return the values next to the bounds, on their wrong side."""
    whole = element(parameter) is int
    for bound, direction in ((parameter.low, -1), (parameter.high, 1)):
        if bound is not None:
            step = int(bound) + direction if whole else math.nextafter(bound, direction * math.inf)
            yield shaped(parameter, step)
    if parameter.choices:
        yield shaped(parameter, 'none of them')


def wrong(parameter):
    """Return values that no parameter of this type takes."""
    kind = element(parameter)
    yield shaped(parameter, WRONG[kind])
    if kind is float:
        yield from (shaped(parameter, number) for number in (math.nan, math.inf, -math.inf))


def answer(h, name, value):
    return h.node.set_parameters([Parameter(name, value=value)])[0]


def test_bounds_and_choices_are_accepted(unconfigured):
    h, schema = unconfigured
    for name, parameter in schema.items():
        bounds = [bound for bound in (parameter.low, parameter.high) if bound is not None]
        for value in [*(element(parameter)(bound) for bound in bounds), *parameter.choices]:
            result = answer(h, name, shaped(parameter, value))
            assert result.successful, result.reason
        default = parameter.default
        if default != ():
            assert answer(h, name, list(default) if type(default) is tuple else default).successful


def test_beyond_the_bounds_is_refused_with_name_value_range_and_unit(unconfigured):
    h, schema = unconfigured
    for name, parameter in schema.items():
        for value in beyond(parameter):
            result = answer(h, name, value)
            shown = value[0] if isinstance(value, list) else value
            assert result.reason.startswith(f'{name} is ') and repr(shown) in result.reason
            assert result.reason.endswith(f', expected {parameter.expected}')
            assert not result.successful
            assert parameter.choices or parameter.unit in result.reason


def test_the_wrong_type_is_refused(unconfigured):
    h, schema = unconfigured
    for name, parameter in schema.items():
        for value in wrong(parameter):
            result = answer(h, name, value)
            assert not result.successful and result.reason.startswith(f'{name} is '), name


def test_no_parameter_can_be_deleted(unconfigured):
    h, schema = unconfigured
    for name in schema:
        result = h.node.set_parameters([Parameter(name)])[0]
        assert not result.successful and 'cannot be deleted' in result.reason
        assert h.node.has_parameter(name)


def test_every_misspelt_parameter_is_reported_with_the_one_that_was_meant(unconfigured):
    h, schema = unconfigured
    running, _ = NODES[h.node.get_name()]
    # Without the first letter each name is unknown, and nearest to itself.
    misspelt = {name[1:]: name for name in schema if name[1:] not in schema}
    assert len(misspelt) == len(schema)
    with running(connect=False, **dict.fromkeys(misspelt, 1)) as other:
        other.wait(lambda: other.node.failure)
        for typo, name in misspelt.items():
            assert f'{typo} is not a parameter: did you mean {name}?' in other.node.failure
        assert other.node.state == 'unconfigured'


def test_a_start_with_every_value_wrong_reports_them_all(unconfigured):
    h, schema = unconfigured
    running, _ = NODES[h.node.get_name()]
    given = {name: next(wrong(parameter)) for name, parameter in schema.items()}
    with running(connect=False, **given | {'autostart': True}) as other:
        other.wait(lambda: other.node.failure)
        for name in schema:
            if name != 'autostart':
                assert f'{name} is ' in other.node.failure


def test_over_dds_the_range_is_told_and_a_refusal_names_the_unit(unconfigured):
    h, schema = unconfigured
    ranged = [p for p in schema.values() if None not in (p.low, p.high) and p.type is float]
    service = f'/{h.node.get_name()}'
    request = DescribeParameters.Request(names=[p.name for p in ranged])
    told = h.call(DescribeParameters, f'{service}/describe_parameters', request).descriptors
    for parameter, descriptor in zip(ranged, told, strict=True):
        (bounds,) = descriptor.floating_point_range
        assert (bounds.from_value, bounds.to_value) == (parameter.low, parameter.high)
    with_unit = next(p for p in ranged if p.unit)
    changes = [Parameter(with_unit.name, value=with_unit.high * 2).to_parameter_msg()]
    request = SetParameters.Request(parameters=changes)
    (result,) = h.call(SetParameters, f'{service}/set_parameters', request).results
    assert not result.successful and with_unit.expected in result.reason
