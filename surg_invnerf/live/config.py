"""Settings of live tracking, beside their reasons."""

from dataclasses import dataclass, field

from surgical_perception.errors import InputError

HOSTS = ('process', 'thread', 'lockstep', 'off')


@dataclass(frozen=True)
class FlowConfig:
    """How a point is found again in the next frame."""

    patch_px: int = 21  # side of the window that Lucas-Kanade compares
    levels: int = 3  # of the pyramid above full size: 21 px reach about 80 px
    # Forward and backward, further apart than this: the point was not found.
    max_round_trip_px: float = 1.0
    # A batch is one call: small enough to stop near the deadline, large enough to cost nothing.
    batch: int = 256


@dataclass(frozen=True)
class AnchorConfig:
    """How far the fit may pull the tracker."""

    # A visible point moves at most this far per frame on its way to the fit's answer.
    step_px: float = 2.0
    # An innovation beyond this many standard deviations is not believed...
    gate_sigma: float = 3.0
    # ...until this many answers in a row say it: then the tracker is what has gone astray.
    patience: int = 3
    history: int = 300  # frames that an answer may be late: 10 s at 30 Hz


@dataclass(frozen=True)
class HealthConfig:
    """Limits between the states."""

    min_points: int = 8  # fewer seen points: LOST
    min_seen_share: float = 0.3  # a smaller share of the points that are in view: DEGRADED
    max_disagreement_mm: float = 2.0  # of model and stereo, the median: DEGRADED
    max_fit_age_s: float = 10.0  # since the frame of the fit's last answer: DEGRADED
    max_gap_s: float = 1.0  # without a frame: tracks cannot be continued by flow


@dataclass(frozen=True)
class FitHostConfig:
    """Where and how the fit runs beside the tracker."""

    # 'process' keeps the interpreter lock away from the tracker; 'lockstep' runs `steps` within
    # every frame and is deterministic; 'off' leaves the tracker alone.
    host: str = 'process'
    model: str = 'small'
    fit: str = 'online'
    correspondence: str = 'dis'
    # Between frames that the fit took: each twice the one before, so that flows can be chained.
    gaps: tuple[int, ...] = (1, 2, 4, 8)
    device: str = 'cpu'
    seed: int = 0
    threads: int = 1  # of the fit: two on a busy machine of two cores are 20 times slower
    nice: int = 5  # the tracker goes first where the two share a core
    steps: int = 15  # per frame that the fit takes; with 5 it forgets
    idle_steps: int = 30  # at most, where no newer frame waits
    window: int = 32  # newest frames
    keyframes: int = 16  # older ones, spread over time: replaying them prevents forgetting
    restarts: int = 3  # after the fit died; then tracking goes on without


@dataclass(frozen=True)
class LiveConfig:
    """Everything that LivePipeline may be told."""

    deadline_s: float = 0.1  # for one frame; points that it leaves no time for are not tracked
    max_points: int = 500
    grid_points: int = 200  # seeded at the start and after a reset; 0 for none
    flow: FlowConfig = field(default_factory=FlowConfig)
    anchor: AnchorConfig = field(default_factory=AnchorConfig)
    health: HealthConfig = field(default_factory=HealthConfig)
    fit: FitHostConfig = field(default_factory=FitHostConfig)

    def validated(self):
        """Return self, or raise InputError with the value that cannot be."""
        if self.fit.host not in HOSTS:
            raise InputError(f'fit.host is {self.fit.host!r}, expected one of {", ".join(HOSTS)}')
        if self.deadline_s <= 0:
            raise InputError(f'deadline_s is {self.deadline_s:g}, expected more than 0 s')
        if self.max_points < 1:
            raise InputError(f'max_points is {self.max_points}, expected at least 1')
        if not 0 <= self.grid_points <= self.max_points:
            raise InputError(
                f'grid_points is {self.grid_points}, expected 0 to max_points {self.max_points}'
            )
        if self.fit.window < 2 or self.fit.keyframes < 1 or self.fit.steps < 1:
            raise InputError(
                f'fit.window {self.fit.window}, fit.keyframes {self.fit.keyframes}, fit.steps '
                f'{self.fit.steps}: expected at least 2, 1 and 1'
            )
        return self
