"""
Where the pixels of one frame are found again in others.

A provider (DIS, precomputed flows, networks that a user brings) matches two frames densely;
`link.Linker` checks, chains and thins what it says into `Correspondences`.
"""
