"""Surg-InvNeRF: stereo endoscope and robot kinematics in, tracked 3D points and a surface out."""
