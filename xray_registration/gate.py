"""May this registration be used?  Every limit has a name and every refusal says what to do."""

from xray_registration.result import SolverStatus, Verdict

# A mirrored X-ray that costs less than this share is no coincidence.
_CLEARLY_LESS = 0.7


def judge(evidence, config):
    """Return (Verdict, reason) for an Evidence by a GateConfig; the reason is '' for OK."""
    checks = (
        (Verdict.REJECTED, _refusals(evidence, config)),
        (Verdict.DEGRADED, _doubts(evidence, config)),
    )
    for verdict, candidates in checks:
        reasons = [text for failed, text in candidates if failed]
        if reasons:
            return verdict, '; '.join(reasons)
    return Verdict.OK, ''


def blank_reason(structures, config):
    """Return why X-rays without structure are not worth a search; '' where all have some."""
    for index, found in enumerate(structures):
        if not found >= config.min_structure:
            which = f'view {index + 1}' if len(structures) > 1 else 'the X-ray'
            return (
                f'{which} shows nothing but noise or a smooth field (structure {found:.2f}, '
                f'below {config.min_structure:g}): check exposure, shutters, mask and that the '
                'patient is in the beam'
            )
    return ''


def _refusals(evidence, config):
    fits_mirrored = evidence.mirrored_cost <= config.max_cost_degraded
    is_mirrored = fits_mirrored and evidence.mirrored_ratio < _CLEARLY_LESS
    if is_mirrored:
        return [
            (
                True,
                f'the X-ray is mirrored: flipped ({evidence.mirrored_flip}) it matches, cost '
                f'{evidence.mirrored_ratio:.2f} times that of the X-ray as it is; change '
                'image_flip by that',
            )
        ]
    return [
        (
            evidence.status in (SolverStatus.NON_FINITE, SolverStatus.ILL_CONDITIONED),
            f'{evidence.status.value}: is the CT in the field of view?',
        ),
        (
            evidence.overlap < config.min_overlap,
            f'the projected CT covers {evidence.overlap:.0%} of the image, less than '
            f'{config.min_overlap:.0%}: move the C-arm so that the part that was scanned is in '
            'the field, or start nearer',
        ),
        (
            not evidence.cost <= config.max_cost_degraded,
            f'X-ray and projected CT do not match: cost {evidence.cost:.3f} is above '
            f'{config.max_cost_degraded:g}, {evidence.agreement:.0%} of the structures agree; '
            f'{_what_to_check(evidence, config)}',
        ),
        (
            not evidence.gain >= config.min_gain_degraded,
            f'poses beside this one match nearly as well: gain {evidence.gain:.2f} is below '
            f'{config.min_gain_degraded:g}; start nearer, or show more of the CT in the field',
        ),
        (
            # Of several views the others tell the two apart: a flipped one contradicts them.
            evidence.views == 1
            and fits_mirrored
            and evidence.mirrored_ratio < config.min_mirrored_ratio,
            f'the X-ray matches as well mirrored, cost {evidence.mirrored_ratio:.2f} times: check '
            'image_flip, and add a view from another angle',
        ),
        (
            # Beside the minimum each view would move the CT, whatever the others say.
            evidence.unsettled <= config.max_unsettled
            and not evidence.disagreement <= config.max_disagreement,
            f'the views contradict each other: one of them is {evidence.disagreement:.1f} of its '
            f'standard deviations off, more than {config.max_disagreement:g}; check the '
            'transforms between them and that the patient did not move, or let calibration.view_* '
            'estimate what is left',
        ),
        (
            not evidence.unsettled <= config.max_unsettled,
            'this is not where X-ray and projected CT match best: that is '
            f'{evidence.unsettled:.1f} of its standard deviations away, more than '
            f'{config.max_unsettled:g}; register again from this pose with method lm',
        ),
        (
            # Between minima the covariance, which describes one, means nothing.
            _is_unfinished(evidence.status) and evidence.cost > config.max_cost_ok,
            f'{evidence.status.value} before X-ray and projected CT match: cost '
            f'{evidence.cost:.3f} is above {config.max_cost_ok:g}; start nearer',
        ),
    ]


def _doubts(evidence, config):
    lateral, depth = max(evidence.sigma_mm[:2]), evidence.sigma_mm[2]
    return [
        (
            evidence.cost > config.max_cost_ok,
            f'X-ray and projected CT match poorly: cost {evidence.cost:.3f} is above '
            f'{config.max_cost_ok:g}, {evidence.agreement:.0%} of the structures agree; look at '
            'the overlay, and mask what is not in the CT',
        ),
        (
            evidence.gain < config.min_gain_ok,
            f'the match is not sharp: gain {evidence.gain:.2f} over poses beside it is below '
            f'{config.min_gain_ok:g}; look at the overlay, or add a view from another angle',
        ),
        (
            not lateral <= config.max_sigma_lateral_mm,
            f'lateral sigma {lateral:.1f} mm is above {config.max_sigma_lateral_mm:g} mm: show '
            'more bone in the field',
        ),
        (
            not depth <= config.max_sigma_depth_mm,
            f'depth sigma {depth:.1f} mm is above {config.max_sigma_depth_mm:g} mm: '
            'add a view from another angle',
        ),
        (
            _is_unfinished(evidence.status),
            f'{evidence.status.value}: start nearer, or allow more time (compute.timeout_s)',
        ),
    ]


def _is_unfinished(status):
    return status in (SolverStatus.MAX_STEPS, SolverStatus.TIMEOUT)


def _what_to_check(evidence, config):
    """Return the likely causes of a match that failed, the likeliest first."""
    if evidence.gain >= config.min_gain_ok:
        return 'it is sharp, so something else is in the image: mask metal, tools and shutters'
    return 'wrong CT, poor start, something opaque in the beam, or wrong intensity setting?'
