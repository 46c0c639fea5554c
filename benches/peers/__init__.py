"""The parts of `benches/peers.py`, which says what is measured and how."""
