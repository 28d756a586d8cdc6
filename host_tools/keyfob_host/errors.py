"""What a verb raises when it cannot go on: shown as two lines, never as a traceback."""

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130


class CliError(Exception):
    """A verb failed.

    `message` says what happened and `hint` what to try, one line each, without the
    `keyfob:` and `try:` in front. Neither may hold a token, a device code or a secret.
    """

    exit_code = FAILED

    def __init__(self, message: str, hint: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(CliError):
    """The command was asked for something it cannot do; exit code 2."""

    exit_code = WRONG_USAGE
