"""Quantization after training: what data tell of scales, biases and roundings, as pure functions; `passes` makes passes of them."""
