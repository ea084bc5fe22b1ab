"""Features of an image together with how they move when the pose does."""

import torch


def pushed(features, image, columns):
    """
    Push an image and its Jacobian by the pose through a network, by forward-mode derivatives.

    features    function of images [B, C, H, W] to a tensor, or a dictionary of them
    image       [B, C, H, W]
    columns     [n, B, C, H, W], the image's derivatives by n parameters

    Returns (what `features` returns, the same with derivatives [n, ...]).
    """

    def push(column):
        return torch.func.jvp(features, (image,), (column,))

    return torch.func.vmap(push, out_dims=(None, 0))(columns)


def gauss_newton(manifold, moving, moved, fixed):
    """
    Return the gradient [B, 6] and the Gauss-Newton Hessian [B, 6, 6] of the mean cost.

    moving, fixed   points [B, C, h, w] of a manifold
    moved           [6, B, C, h, w], how the moving ones change with the pose
    """
    locations = moving.shape[-2] * moving.shape[-1]
    cost = manifold.cost(moving, fixed)
    (pull,) = torch.autograd.grad(cost.sum(), moving, create_graph=True)
    gradient = (moved * pull).sum((2, 3, 4)).T / locations
    flat = moved.flatten(3)
    weighted = flat * manifold.metric(moving).flatten(1)[:, None]
    return gradient, torch.einsum('ibcn,jbcn->bij', flat, weighted) / locations
