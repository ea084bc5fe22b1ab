"""
Scene coordinates: for each location of the X-ray the point of the CT's bone where its ray enters.

A trained network says where on the surface that point lies and how sure it is of it; the pose
follows from hundreds of such pairs, of which many may be wrong.  No start is used and nothing is
compared with a DRR: a start for `lm` rather than its end.

Source: Shotton et al., CVPR 2013 (scene coordinate regression); Shrestha et al., MICCAI 2023
(SCR for X-rays).
"""

from xray_registration.methods.sighted import estimated


def estimate(request):
    """Run the method on a Request; return an Estimate."""
    return estimated(request, request.volumes.networks['scene-coordinates'])
