"""Poses, cameras and frame conventions; every convention is written once, here."""
