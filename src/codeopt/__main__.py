"""`python -m codeopt`."""

from codeopt.cli.app import main

main()
