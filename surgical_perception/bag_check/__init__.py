"""
`surgical-perception check-bag`: what a recording holds, and what each node would say to it.

Stamps, frames and TF are surveyed here; each half runs its own checks of messages over the bag.
"""
