"""What hardware costs: areas as data, and estimates from the stages' parameters."""
