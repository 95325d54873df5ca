"""Segmentation by a probabilistic atlas: registration, then a Gaussian mixture fitted by EM.

Ashburner and Friston 2005, doi:10.1016/j.neuroimage.2005.02.018; Van Leemput et al. 1999,
doi:10.1109/42.811270.
"""
