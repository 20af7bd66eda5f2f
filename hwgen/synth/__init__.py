"""What synthesis, and place and route, say of a build."""
