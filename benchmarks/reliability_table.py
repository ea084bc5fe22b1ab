"""The Markdown table of reliability.py: what was tried, how often, what came of it."""

import numpy as np

from surgical_perception.evaluation.metrics import wilson_interval

# The first cycles fill caches: kernels, pools of DDS, pages that malloc keeps.
WARM_UP_CYCLES = 50


def markdown(rows, counts):
    """Return the table of {question: [row]}; `counts` are the numbers of trials of a full run."""
    lines = ['| tried | trials | result |', '| --- | --- | --- |']
    for name, found in rows.items():
        what, result = _QUESTIONS[name](found)
        done = len(found) if counts[name] > 1 else ''
        lines.append(f'| {what} | {done} | {result} |')
    return '\n'.join(lines) + '\n'


def _share(good):
    low, high = wilson_interval(sum(good), len(good))
    return f'{sum(good)} of {len(good)} (95 % interval {low:.1%}-{high:.1%})'


def _times(seconds):
    return f'median {np.median(seconds):.2f} s, longest {max(seconds):.2f} s'


def _fuzz(rows):
    what = 'hostile messages judged by the conventions: 10 000 in process, 1500 to the node'
    return what, 'each read or refused as it should be' if rows[0]['passed'] else 'FAILED'


def _answers(rows):
    bad_ms = [1e3 * row['seconds'] for row in rows if not row['has_pose']]
    what = 'hostile X-rays to the running node'
    return what, (
        f'{len(bad_ms)} refused, each with its reason: median {np.median(bad_ms):.0f} ms, longest '
        f'{max(bad_ms):.0f} ms'
    )


def _overload(rows):
    (r,) = rows
    counted = r['arrived'] == r['all_registered'] + r['dropped']
    what = 'X-rays for 10 s, at twice the rate that the registration alone can do'
    return what, (
        f'{r["registered"]} of {r["sent"]} registered, every other one '
        f'{"counted" if counted else "NOT COUNTED"}; the first one afterwards after '
        f'{r["recovery_s"]:.2f} s, {r["after_dropped"]} of the next {r["after_sent"]} dropped at '
        '90 % of the rate that was reached'
    )


def _kills(rows):
    # A row is written only after the next start has registered.
    working = sum(row['had_registered'] for row in rows)
    shared_mb = max(row['shared_memory_mb'] for row in rows)
    what = f'kill (SIGKILL) at a random moment, {working} times while it registered, and restart'
    return what, (
        f'{_share([row["restart_s"] > 0 for row in rows])} registered again, '
        f'{_times([row["restart_s"] for row in rows])} after the start; at most '
        f'{shared_mb:.0f} MB in /dev/shm'
    )


def _interrupts(rows):
    working = sum(row['had_registered'] for row in rows)
    what = f'Ctrl-C or SIGTERM at a random moment, {working} times while it registered'
    zero = sum(row['exit_code'] == 0 for row in rows)
    return what, (
        f'{_share([row["clean"] for row in rows])} ended cleanly, {zero} with exit code 0, the '
        f'others before the first line of the program; {_times([row["end_s"] for row in rows])}'
    )


def _cycles(rows):
    memory = np.array([row['resident_mb'] for row in rows])
    late = memory[min(WARM_UP_CYCLES, len(memory) // 2) :]
    slope_kb = 1e3 * np.polyfit(np.arange(len(late)), late, 1)[0] if len(late) > 1 else np.nan
    first, last = rows[len(rows) // 4], rows[-1]
    what = 'configure, activate, deactivate, clean up in one process'
    return what, (
        f'{memory[0]:.0f} MB after the first, {memory[-1]:.0f} MB after the last, '
        f'{slope_kb:+.0f} kB a cycle after the first {len(memory) - len(late)}; '
        f'threads {first["threads"]} -> {last["threads"]}, files {first["files"]} -> '
        f'{last["files"]}'
    )


_QUESTIONS = {
    'fuzz': _fuzz, 'answers': _answers, 'overload': _overload, 'kills': _kills,
    'interrupts': _interrupts, 'cycles': _cycles,
}  # fmt: skip
