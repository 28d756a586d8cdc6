"""What a board's run looks like: JSON lines for a program; text, screens and QR for a person."""
