"""The window: a page on which a person sees a virtual board, touches it, and gives it trouble."""
