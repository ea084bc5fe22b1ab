"""Waiting for the subscribers of topics, so that nothing is lost to discovery."""

import time

_POLL_S = 0.02
_REMINDER_PERIOD_S = 5.0
# Subscriptions of one node are found one after another; the others come within this time.
_SETTLE_S = 1.0


def wait_for_subscribers(publishers, required, wait_s, logger, spin):
    """
    Wait until the required topics have a subscriber each, or say after `wait_s` which have none.

    publishers  {topic: publisher}
    required    names among them
    spin        (seconds) -> whether to give up, served while it waits

    Once the required ones are there, it goes on while further topics are still found.
    """
    began = reminded = changed = time.monotonic()
    before = None
    while alone := {name for name, p in publishers.items() if not p.get_subscription_count()}:
        now = time.monotonic()
        if alone != before:
            before, changed = alone, now
        missing = ', '.join(sorted(alone.intersection(required)))
        if not missing and now - changed > _SETTLE_S:
            logger.info(f'nobody listens to {", ".join(sorted(alone))}')
            return
        if now - began > wait_s:
            logger.warning(
                f'nobody listens to {missing or ", ".join(sorted(alone))} after {wait_s:g} s, '
                'playing all the same: check the topic names and the QoS of the subscribers'
            )
            return
        if missing and now - reminded > _REMINDER_PERIOD_S:
            reminded = now
            logger.info(f'waiting for a subscriber of {missing}')
        if spin(_POLL_S):
            return
