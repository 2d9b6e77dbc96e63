"""Golden tests of the C emitted for function bodies: each `.wat` file ends with the C of its functions."""
