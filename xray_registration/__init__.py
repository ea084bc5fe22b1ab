"""Register a preoperative CT to C-arm X-rays: differentiable rendering and Levenberg-Marquardt."""
