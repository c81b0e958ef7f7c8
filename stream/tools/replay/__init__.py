"""What replay reads: files of every usual kind, and topics over a span of time, as records."""
