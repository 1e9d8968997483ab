"""`python -m tfcli`."""

from tfcli.commands.main import main

main()
