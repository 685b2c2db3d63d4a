"""The command line. Heavy imports happen inside commands: `codeopt --help` answers at once."""
