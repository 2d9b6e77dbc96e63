"""The project's tests, and the readers, builders and runners that they share."""
