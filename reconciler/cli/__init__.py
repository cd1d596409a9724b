"""The command line: options → one workflow → one report → an exit code."""
