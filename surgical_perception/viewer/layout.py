"""Where the viewer shows what: the scene, the images, numbers and messages."""

from surgical_perception.viewer.sdk import rerun_sdk

# More images than this make every one too small to see anything.
_MAX_IMAGES = 4


def layout(scene):
    """Return the blueprint for what a Scene has seen so far."""
    rerun_sdk()
    import rerun.blueprint as rrb

    information = None
    if scene.root_frame:
        information = rrb.SpatialInformation(target_frame=scene.root_frame)
    space = rrb.Spatial3DView(
        origin='/', name='scene', contents='$origin/**', spatial_information=information
    )
    # An overlay says more than the image below it.
    images = [
        rrb.Spatial2DView(origin=entity, name=entity.removeprefix('images/'))
        for entity in [*scene.overlays, *scene.images][:_MAX_IMAGES]
    ]
    below = rrb.Horizontal(
        rrb.TimeSeriesView(origin='numbers', name='numbers'),
        rrb.TextLogView(origin='log', name='messages'),
    )
    above = rrb.Horizontal(space, rrb.Vertical(*images), column_shares=[2, 1]) if images else space
    return rrb.Blueprint(
        rrb.Vertical(above, below, row_shares=[3, 1]),
        rrb.BlueprintPanel(state='collapsed'),
        rrb.SelectionPanel(state='collapsed'),
        rrb.TimePanel(state='collapsed'),
    )
