"""The command line: one file a command, thin: parse, call, print.  Heavy imports stand inside the commands."""
