"""The verbs of the `keyfob` command, one file each; cli.py registers them."""
