"""From a gateway's record to an event without text: decode, complete, fingerprint."""
