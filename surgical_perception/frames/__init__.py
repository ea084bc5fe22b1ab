"""The frames that TF connects: gathered from a bag or a live graph, as text and as a picture."""
