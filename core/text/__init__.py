"""Collaborative text: documents that merge, behind one protocol; engines that import their library lazily."""
