"""`python -m massadmin.cli`: the command line where the `massadmin` script is not installed."""

from massadmin.cli import main

main(prog_name="massadmin")
