"""A small shop: a catalogue of products, and the features that grow around it."""
