"""Which frames the fit holds: the newest, and older ones spread over time."""


def retained(indices, window, keyframes, precious=()):
    """
    Return the sorted frame indices to keep of `indices`.

    The newest `window` stay.  Of the older ones at most `keyframes` do: the one whose neighbours
    lie closest together goes first, so that the rest spread over time; the very first frame and
    `precious` ones (where tracked points were born) go last.
    """
    indices = sorted(indices)
    older, newest = indices[:-window], indices[-window:]
    while len(older) > keyframes:
        keep = set(precious) | {indices[0]}
        ends = [*older, newest[0]]
        places = [n for n in range(len(older)) if older[n] not in keep] or range(1, len(older))
        # With one keyframe there is none but the first to give up.
        gone = min(places, key=lambda n: ends[n + 1] - ends[n - 1] if n else 0, default=0)
        del older[gone]
    return older + newest
