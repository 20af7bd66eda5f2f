"""Strategies: what asks for points of a space and is told what came of them."""
