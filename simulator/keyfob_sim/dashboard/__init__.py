"""The window: a web page that shows a virtual board, with its buttons and faults to trigger."""
