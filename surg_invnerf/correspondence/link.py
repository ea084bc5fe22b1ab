"""Correspondences among the frames of a clip, or between the newest frame and those held."""

from dataclasses import dataclass

from surg_invnerf.correspondence import sift
from surg_invnerf.correspondence.chain import Chains, Link, better_of
from surg_invnerf.correspondence.confidence import texture_confidence
from surg_invnerf.correspondence.dense import forward_backward_error
from surg_invnerf.correspondence.sparse import both_ways, filled, thinned

# Up to this width every second pixel of a row is kept, beyond every fourth: 20 thousand
# correspondences a pair (400 kB) at 320x256 and at 640x512.
_FINE_GRID_WIDTH = 320

# Of the frames beyond the longest gap, no more than so many are candidates for keypoint matches:
# the keypoints of one take half a megabyte.
_CANDIDATES = 16


@dataclass(frozen=True)
class LinkConfig:
    """Which frames are matched, and what is believed."""

    # Distances in frames; each twice the one before, so that flows can be chained.
    gaps: tuple[int, ...] = (1, 2, 4, 8, 16)
    # Of the pixels whose correspondences are kept; None is 2, or 4 for images wider than 320.
    stride: int | None = None
    # Whether longer flows are also composed of shorter ones, and the better taken per pixel.
    chain: bool = True
    # Earlier frames beyond the longest gap with which each frame is matched by SIFT.
    keyframes: int = 2
    # Below this share of believed pixels the flow counts as broken, and SIFT fills in.
    broken_share: float = 0.3


class Linker:
    """
    Correspondences by a provider's flow, checked, chained and thinned; SIFT where flow ends.

    Frames must come in order: the flows of the latest ones are held, no more than chains need.
    """

    def __init__(self, provider, config=LinkConfig()):
        self.config = config
        self._provider = provider
        self._gaps = provider.gaps or config.gaps
        self.reset()

    def reset(self):
        """Forget the frames that were seen: the next one begins a new clip."""
        self._chains = Chains(longest=max(self._gaps))
        self._features = {}
        self._textures = {}

    def link(self, observations, progress=None):
        """Fill `observations.pairs` with those of the whole clip; progress(done, frames)."""
        self.reset()
        indices = sorted(observations.frames)
        for done, index in enumerate(indices, 1):
            for pair in self.new_pairs(observations, index):
                observations.pairs[pair.source, pair.target] = pair
            if progress:
                progress(done, len(indices))

    def new_pairs(self, observations, index, partners=None):
        """
        Return the Correspondences, both ways, of a frame with earlier ones that are held.

        partners    indices of the frames to match it with; None takes those at the gaps, and
                    some older ones, others for each frame.  A partner costs two flows within the
                    longest gap, SIFT beyond.  A pair of which nothing is believed is left out.
        """
        frames = observations.frames
        earlier = sorted(i for i in frames if i < index)
        recent, older = earlier[-max(self._gaps) :], earlier[: -max(self._gaps)]
        older = older[:: len(older) // _CANDIDATES + 1]
        if partners is None:
            partners = self._at_gaps(earlier, index) + self._some_of(older, index)
        pairs = []
        # Nearest first: their flows are what the longer ones are chained of.
        for partner in sorted(set(partners), reverse=True):
            bridge = self._by_flow if partner in recent else self._by_keypoints
            pairs += bridge(frames[index], frames[partner])
        self._forget({index, *recent, *older}, index)
        return [pair for pair in pairs if len(pair.pixels)]

    def _forget(self, needed, newest):
        self._chains.forget(newest)
        for held in (self._features, self._textures):
            for gone in held.keys() - needed:
                del held[gone]

    def _at_gaps(self, earlier, index):
        if self._provider.gaps:
            return [index - gap for gap in self._gaps if index - gap in earlier]
        # Counted in frames that are held: frames may have been refused in between.
        return [earlier[-gap] for gap in self._gaps if gap <= len(earlier)]

    def _some_of(self, older, index):
        count = min(self.config.keyframes, len(older))
        # Evenly spread, and shifted from frame to frame: all are visited in the long run.
        return [older[(index + n * len(older) // count) % len(older)] for n in range(count)]

    def _by_flow(self, new, old):
        limit = self._provider.max_error_px
        stride = self.config.stride or (2 if new.image.shape[1] <= _FINE_GRID_WIDTH else 4)
        links = self._selected(new, old)
        pairs = [
            thinned(a, b, link, self._texture_of(a), limit, stride)
            for a, b, link in zip((new, old), (old, new), links, strict=True)
        ]
        possible = (new.usable.sum() + old.usable.sum()) / stride**2
        if sum(len(pair.pixels) for pair in pairs) >= self.config.broken_share * possible:
            return pairs
        sparse = self._by_keypoints(new, old)
        return [filled(*both, limit) for both in zip(pairs, sparse, links, strict=True)]

    def _selected(self, new, old):
        """Return the best Links new -> old and old -> new, and keep them for longer chains."""
        ends = ((new, old), (old, new))
        chained = [None, None]
        if self.config.chain:
            chained = [self._chains.through(a.index, b.index) for a, b in ends]
        matches = [
            self._provider.match(a, b, way and way.flow)
            for (a, b), way in zip(ends, chained, strict=True)
        ]
        links = [_checked(*matches), _checked(*reversed(matches))]
        links = [
            link if way is None else better_of(link, way)
            for link, way in zip(links, chained, strict=True)
        ]
        for (a, b), link in zip(ends, links, strict=True):
            self._chains.add(a.index, b.index, link)
        return links

    def _by_keypoints(self, new, old):
        found = sift.match(self._features_of(new), self._features_of(old))
        return both_ways(new, old, found)

    def _texture_of(self, frame):
        if frame.index not in self._textures:
            self._textures[frame.index] = texture_confidence(frame.image)
        return self._textures[frame.index]

    def _features_of(self, frame):
        if frame.index not in self._features:
            self._features[frame.index] = sift.features(frame.image, frame.usable)
        return self._features[frame.index]


def _checked(forward, backward):
    """Return the Link of a DenseMatch: its own error, else that of going there and back."""
    error = forward.error_px
    if error is None:
        error = forward_backward_error(forward.flow, backward.flow)
    return Link(forward.flow, error)
