"""What every node of the package does: life cycle, parameters, worker, watch, diagnostics."""

import traceback
from contextlib import ExitStack

from rclpy.clock import Clock, JumpThreshold
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

from surgical_perception.errors import InputError
from surgical_perception.ros.diagnostics import (
    ERROR,
    OK,
    STALE,
    WARN,
    Diagnostics,
    Report,
    memory_report,
)
from surgical_perception.ros.entry import Stopped, stopping
from surgical_perception.ros.inputs import SilenceWatch
from surgical_perception.ros.parameters import NodeParameters
from surgical_perception.ros.worker import Worker

# Also how long after activation the start-up block is printed: publishers are found by then.
_WATCH_PERIOD_S = 1.0


class PerceptionNode(LifecycleNode):
    """
    A lifecycle node that activates itself and stays alive with a reason when it cannot.

    Subclasses fill `setup`, `connect`, `forget`, `release`, `summary` and `reports`.  `setup` and
    `connect` raise InputError where they cannot do their part; the transition then fails and
    `failure` holds the reason.  `connect` sets `inputs` (causes, topics, counts, clear) and puts
    what has to end at deactivation on the ExitStack `while_active`.  The parameters must hold
    `autostart`, `enabled` and `input.timeout_s`.
    """

    # What ~/reset answers.
    after_reset = ''

    def __init__(self, name, parameters_class, **kwargs):
        super().__init__(name, **kwargs)
        self.state = 'unconfigured'
        self.failure = ''
        self.config = self.inputs = self.watch = None
        self.while_active = ExitStack()
        # Watch, expiry and diagnostics must go on while /clock is paused or absent.
        self.steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.worker = Worker(self)
        self._node_parameters = NodeParameters(
            self, parameters_class, lambda: self.state == 'unconfigured', self._apply
        )
        self._clock_jumps = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1)),
            post_callback=lambda _jump: self._on_clock_jump(),
        )
        parts = {
            'input': self._input_report,
            'tf': lambda: self._own_report('tf'),
            'compute': self._compute_report,
            'result': lambda: self._own_report('result'),
            'memory': memory_report,
        }
        self._diagnostics = Diagnostics(self, parts)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self.create_service(SetBool, '~/enable', self._on_enable)
        if self.get_parameter('autostart').value is True:
            self._autostart = self.create_timer(0.0, self._start, clock=self.steady_clock)

    def setup(self, config):
        """Load and verify everything that `config` names."""
        raise NotImplementedError

    def connect(self):
        """Subscribe."""
        raise NotImplementedError

    def forget(self, reason):
        """Drop all state that came from inputs, and stop what is published from it."""
        raise NotImplementedError

    def release(self):
        """Free the memory that `setup` took; called after a failed `setup` too."""
        raise NotImplementedError

    def summary(self):
        """Return the lines of the start-up block that follow the inputs."""
        raise NotImplementedError

    def reports(self):
        """Return {'tf': Report, 'result': Report}; called while configured."""
        raise NotImplementedError

    def start_over(self, reason):
        """Drop running work, queues and state."""
        self.worker.cancel()
        self.inputs.clear()
        self.forget(reason)

    def describe_parameter(self, name):
        """Return a parameter's descriptor, with its range."""
        return self._node_parameters.with_range(super().describe_parameter(name))

    def _start(self):
        self.destroy_timer(self._autostart)
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def _apply(self, config):
        self.config = config

    def _on_clock_jump(self):
        if self.state == 'active':
            self.get_logger().warning('the clock jumped back: queues, state and TF are cleared')
            self.start_over('the clock jumped back')

    # Services

    def _on_reset(self, _request, response):
        if self.state == 'active':
            self.start_over('reset was called')
        response.success, response.message = True, self.after_reset
        return response

    def _on_enable(self, request, response):
        done = self.set_parameters([Parameter('enabled', value=request.data)])[0]
        response.success = done.successful
        response.message = done.reason or ('enabled' if request.data else 'disabled')
        return response

    # Transitions

    def on_configure(self, state):
        """Build the parameters, then `setup`."""

        def configure():
            self.config = self._node_parameters.build()
            self.setup(self.config)

        return self._attempt('configure', configure, 'inactive', undo=self.release)

    def on_activate(self, state):
        """Enable the publishers, `connect`, and watch over the inputs."""

        def activate():
            self.connect()
            self.watch = SilenceWatch(self.get_logger().warning, self.inputs.causes)
            self._announced = False
            timer = self.create_timer(_WATCH_PERIOD_S, self._on_watch, clock=self.steady_clock)
            self.while_active.callback(self.destroy_timer, timer)

        super().on_activate(state)
        done = self._attempt('activate', activate, 'active', undo=self.while_active.close)
        if done != TransitionCallbackReturn.SUCCESS:
            super().on_deactivate(state)
        return done

    def on_deactivate(self, state):
        """Drop queues and running work, end the subscriptions, disable the publishers."""
        self.start_over('the node was deactivated')
        self.while_active.close()
        self.state = 'inactive'
        return super().on_deactivate(state)

    def on_cleanup(self, state):
        """Free what `setup` loaded."""
        self.release()
        self.state = 'unconfigured'
        return super().on_cleanup(state)

    def on_shutdown(self, state):
        """Stop from any state."""
        if self.state == 'active':
            self.on_deactivate(state)
        if self.state == 'inactive':
            self.on_cleanup(state)
        self.state = 'finalized'
        return super().on_shutdown(state)

    def _attempt(self, what, action, state, undo):
        """Run one transition; a failure is one readable reason and leaves the node alive."""
        try:
            action()
        except Exception as error:
            undo()
            if stopping():
                raise Stopped from None
            self.failure = f'cannot {what}: {self.reason(error)}'
            self.get_logger().error(self.failure)
            return TransitionCallbackReturn.FAILURE
        self.state, self.failure = state, ''
        return TransitionCallbackReturn.SUCCESS

    # Words

    def reason(self, error):
        """Return one sentence for an exception; an unexpected one is logged with its traceback."""
        text = ' '.join(str(error).split())
        if isinstance(error, InputError):
            return text
        self.get_logger().error(''.join(traceback.format_exception(error)))
        return f'internal error: {type(error).__name__}: {text}'

    def _on_watch(self):
        if not self._announced:
            self._announced = True
            inputs = [topic.describe() for topic in self.inputs.topics]
            lines = [f'{self.get_name()}: research use only', *inputs, *self.summary()]
            self.get_logger().info('\n  '.join(lines))
        self.watch.check(self.config.input.timeout_s)

    def _input_report(self):
        if self.state != 'active':
            return self._idle_report()
        causes = self.inputs.causes()
        message = '; '.join(causes) or 'all inputs are there'
        return Report(WARN if causes else OK, message, self.inputs.counts())

    def _compute_report(self):
        message = 'computing' if self.worker.busy else 'idle'
        level = ERROR if self.failure else OK
        return Report(level, self.failure or message, {'dropped': self.worker.dropped})

    def _own_report(self, part):
        return self.reports()[part] if self.state == 'active' else self._idle_report()

    def _idle_report(self):
        return Report(ERROR, self.failure) if self.failure else Report(STALE, self.state)

    def destroy_node(self):
        """End the worker before the entities that it uses."""
        if not self.worker.stop():
            self.get_logger().warning('the computation did not end in time')
        self._clock_jumps.unregister()
        super().destroy_node()
