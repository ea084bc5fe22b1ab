"""ROS parameters of a node, declared from a parameter dataclass."""

import copy

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.parameter import Parameter

from surgical_perception import parameters as schema
from surgical_perception.errors import InputError

# A launch file cannot leave a parameter out when its argument was not given.  So it passes its
# arguments as `launch.<name>`, and this text for "not given": the parameter file then holds.
LAUNCH_PREFIX = 'launch.'
NOT_GIVEN = 'as_in_params_file'


class NodeParameters:
    """
    Declares the parameters of `cls` on a node and keeps their values.

    A bad value never ends the node: it is kept as given until `build`, which reports every
    violation at once.  Live parameters may be set at any time, the others while `may_change()`.
    """

    def __init__(self, node, cls, may_change, on_change):
        self._cls = cls
        self._schema = schema.flatten(cls)
        self._may_change = may_change
        self._on_change = on_change
        self._values = self._given_to(node)
        known = {name: self._values[name] for name in self._schema if name in self._values}
        for name, parameter in self._schema.items():
            value = known.get(name, parameter.default)
            value = list(value) if isinstance(value, tuple) else value
            node.declare_parameter(name, value, _descriptor(parameter), True)
        node.add_on_set_parameters_callback(self._on_set)

    def _given_to(self, node):
        """Return {name: value} from command line and files, numbers cast where they fit."""
        # rclpy lists what was given, with names that are not declared, in this attribute only;
        # automatically_declare_parameters_from_overrides dies of an empty list in a file.
        overrides = {name: given.value for name, given in node._parameter_overrides.items()}
        values = {}
        for name, value in overrides.items():
            if name.startswith(schema.OF_ROS):
                continue
            if name.startswith(LAUNCH_PREFIX):
                if value == NOT_GIVEN:
                    continue
                name = name.removeprefix(LAUNCH_PREFIX)
            elif overrides.get(LAUNCH_PREFIX + name, NOT_GIVEN) != NOT_GIVEN:
                continue
            values[name] = self._cast_where_possible(name, value)
        return values

    def _cast_where_possible(self, name, value):
        try:
            return self._schema[name].cast(value)
        except (KeyError, InputError):
            return value

    def build(self):
        """Return the parameter object; raises InputError that lists every violation."""
        return schema.build(self._cls, self._values)

    def with_range(self, descriptor):
        """
        Return a descriptor with the range that tools such as rqt draw sliders from.

        The declared descriptors have none: rclpy would refuse what lies beyond before the schema
        sees it, in words that lack the unit, and would end a node that is started with it.
        """
        parameter = self._schema.get(descriptor.name)
        if parameter is None or parameter.low is None or parameter.high is None:
            return descriptor
        told = copy.copy(descriptor)
        low, high = parameter.low, parameter.high
        if parameter.type is float:
            told.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high))
            ]
        elif parameter.type is int:
            told.integer_range = [IntegerRange(from_value=low, to_value=high)]
        return told

    def _on_set(self, changes):
        """Accept or refuse changes together; rclpy calls this before it stores them."""
        changed, refusals = {}, []
        for change in changes:
            parameter = self._schema.get(change.name)
            if parameter is None:
                if not change.name.startswith(schema.OF_ROS):
                    refusals.append(schema.unknown_name(change.name, self._schema))
                continue
            if change.type_ == Parameter.Type.NOT_SET:
                refusals.append(f'{change.name} cannot be deleted: set it to its default')
                continue
            try:
                changed[change.name] = parameter.cast(change.value)
            except InputError as error:
                refusals.append(str(error))
            if not (parameter.live or self._may_change()):
                refusals.append(f'{change.name} is read at configure: clean the node up first')
        values = self._values | changed
        if not refusals and not self._may_change():
            try:
                self._on_change(schema.build(self._cls, values))
            except InputError as error:
                refusals.append(str(error))
        if refusals:
            return SetParametersResult(successful=False, reason='; '.join(refusals))
        self._values = values
        return SetParametersResult(successful=True)


def _descriptor(parameter):
    return ParameterDescriptor(
        name=parameter.name,
        description=parameter.text + (f' [{parameter.unit}]' if parameter.unit else ''),
        additional_constraints=parameter.expected
        + ('' if parameter.live else '; read at configure'),
        # rclpy ends a node that is given 1 for 1.0; types are checked by the schema instead.
        dynamic_typing=True,
    )
