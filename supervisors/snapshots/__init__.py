"""Adapters of the port ``SnapshotStore``."""
