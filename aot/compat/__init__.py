"""Faces of other engines, so that programs written for them run on this one."""
