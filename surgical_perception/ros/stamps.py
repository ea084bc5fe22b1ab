"""Message stamps as integers: nanoseconds since the epoch compare exactly, floats do not."""

NS_PER_S = 1_000_000_000


def to_ns(stamp):
    """Return a builtin_interfaces/Time (or anything with sec and nanosec) in nanoseconds."""
    return stamp.sec * NS_PER_S + stamp.nanosec


def fill(stamp, stamp_ns):
    """Set sec and nanosec of a builtin_interfaces/Time; return it."""
    stamp.sec, stamp.nanosec = divmod(stamp_ns, NS_PER_S)
    return stamp


def text(stamp_ns):
    """Return a stamp in seconds with all its digits, for messages to people."""
    return f'{stamp_ns // NS_PER_S}.{stamp_ns % NS_PER_S:09d} s'


def from_text(text):
    """Return the nanoseconds that `text` wrote, exactly."""
    seconds, _, rest = text.partition('.')
    return int(seconds) * NS_PER_S + int(rest.split()[0])
