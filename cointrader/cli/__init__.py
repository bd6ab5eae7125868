"""The command `cointrader`: one file a group of commands, loaded when its command is given.

Every command keeps three rules: data go to standard output and everything else to standard error;
`--json` prints what a script needs; nothing is ever asked without a terminal.
"""
